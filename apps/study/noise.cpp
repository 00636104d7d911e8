// Noisy labels: what a student on wrong labels learns, and one that hears a teacher instead.
#include <fmt/format.h>

#include "apps/study/chart.h"
#include "apps/study/lab.h"

namespace limbeck {
namespace {

// A share of the labels is replaced by any class, drawn evenly, the right one included.
Dataset with_noise(const Dataset& clean, double share) {
  Dataset noisy = clean;
  Rng rng(7);
  for (std::int32_t& label : noisy.class_ids) {
    const bool replaced = rng.uniform() < share;
    const auto other = static_cast<std::int32_t>(rng.below(clean.classes));
    if (replaced) label = other;
  }
  return noisy;
}

struct Errors {
  double share;
  Spread hard, noisy_teacher, clean_teacher;
};

std::string found(const std::vector<Errors>& all) {
  std::string text;
  for (const Errors* e : {&all.front(), &all.back()}) {
    text += fmt::format(
        "With {:.0f} % of the labels replaced: {} errors on the labels, {} on the soft targets of "
        "a "
        "teacher of the same labels, {} of one of clean labels.\n",
        100 * e->share, text_of(e->hard), text_of(e->noisy_teacher), text_of(e->clean_teacher));
  }
  return text;
}

}  // namespace

void study_noise(Lab& lab) {
  const bool quick = lab.settings().quick;
  const std::vector<double> shares = quick ? std::vector<double>{0, 0.3, 0.6}
                                           : std::vector<double>{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6};
  const std::string spec = lab.students({quick ? "mlp:100" : "mlp:300,300"}).front();
  std::vector<Dataset> sets;
  for (const double share : shares) sets.push_back(with_noise(lab.train(), share));

  std::vector<Case> cases;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const Json noise = {{"noise", shares[i]}};
    const std::string at = fmt::format("{:.0f} % noise", 100 * shares[i]);
    const Training student{.spec = spec, .epochs = lab.epochs(20, 25), .set = &sets[i]};
    cases.push_back({.title = at + ", hard labels", .training = student, .more = noise});
    // The labels have no weight: what the student hears is the teacher alone.
    const DistillationOptions how{.temperature = lab.temperature(4), .alpha = lab.alpha(0)};
    Training noisy_teacher = lab.usual_teacher();
    noisy_teacher.set = &sets[i];
    cases.push_back({.title = at + ", teacher of the same labels",
                     .training = lab.taught(student, how, "teacher of " + at, noisy_teacher),
                     .more = noise});
    cases.push_back({.title = at + ", teacher of clean labels",
                     .training = lab.taught(student, how),
                     .more = noise});
  }
  const std::vector<Spread> errors = lab.errors_of(cases);

  std::vector<Errors> all;
  Table table;
  Series hard{.name = "hard labels"}, noisy{.name = "teacher of the same labels"},
      clean{.name = "teacher of clean labels"};
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const Errors e{shares[i], errors[3 * i], errors[3 * i + 1], errors[3 * i + 2]};
    all.push_back(e);
    const auto add = [&](Series& series, const Spread& s) {
      series.points.push_back({100 * e.share, s.mean, s.deviation});
      table.push_back({{"labels replaced, %", 100 * e.share},
                       {"learned from", series.name},
                       {"errors", s.mean},
                       {"deviation", s.deviation}});
    };
    add(hard, e.hard);
    add(noisy, e.noisy_teacher);
    add(clean, e.clean_teacher);
  }
  lab.write("noise.svg", svg(Chart{.title = "Noisy labels",
                                   .x_label = "labels replaced at random, %",
                                   .y_label = fmt::format("errors of {}", lab.test().size()),
                                   .series = {hard, noisy, clean}}));
  lab.report("noise", table, found(all));
}

}  // namespace limbeck
