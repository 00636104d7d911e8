// What T does: students of several sizes, each at many temperatures and on hard labels.
#include <fmt/format.h>

#include <algorithm>

#include "apps/study/chart.h"
#include "apps/study/lab.h"

namespace limbeck {
namespace {

struct Student {
  std::string spec;
  Spread hard;
  std::vector<Spread> soft;  // one for each T

  std::size_t best() const {
    const auto by_mean = [](const Spread& s) { return s.mean; };
    return static_cast<std::size_t>(std::ranges::min_element(soft, {}, by_mean) - soft.begin());
  }
};

std::string found(const std::vector<Student>& students, const std::vector<double>& temperatures) {
  std::string text;
  for (const Student& student : students) {
    const Spread& best = student.soft[student.best()];
    // Temperatures that do about as well: within a tenth of what hard labels lose against the best.
    const double bound = best.mean + std::max(best.deviation, (student.hard.mean - best.mean) / 10);
    std::string as_good;
    for (std::size_t i = 0; i < temperatures.size(); ++i) {
      if (student.soft[i].mean > bound) continue;
      as_good += fmt::format("{}{:g}", as_good.empty() ? "" : ", ", temperatures[i]);
    }
    text += fmt::format(
        "{}: best at T = {:g}, {} errors against {} on hard labels; about as good: {}.\n",
        student.spec, temperatures[student.best()], text_of(best), text_of(student.hard), as_good);
  }
  if (students.size() > 1) {
    std::string best;
    for (const Student& student : students) {
      best += fmt::format("{}{:g}", best.empty() ? "" : ", ", temperatures[student.best()]);
    }
    text += fmt::format("In this order of students the best T is {}.\n", best);
  }
  return text;
}

}  // namespace

void study_temperature(Lab& lab) {
  const bool quick = lab.settings().quick;
  using Specs = std::vector<std::string>;
  const Specs specs = lab.students(quick ? Specs{"mlp:300,300", "mlp:30,30"}
                                         : Specs{"mlp:800,800", "mlp:300,300", "mlp:30,30"});
  const std::vector<double> temperatures =
      quick ? std::vector<double>{1, 2, 4, 8, 20}
            : std::vector<double>{0.5, 1, 2, 3, 4, 5, 8, 10, 20, 50};

  std::vector<Case> cases;
  for (const std::string& spec : specs) {
    const Training training{.spec = spec, .epochs = lab.epochs(40, 25), .set = &lab.train()};
    cases.push_back({.title = spec + ", hard labels", .training = training});
    for (const double t : temperatures) {
      cases.push_back(
          {.title = fmt::format("{}, T = {:g}", spec, t),
           .training = lab.taught(training, {.temperature = t, .alpha = lab.alpha(0.1)})});
    }
  }
  const std::vector<Spread> errors = lab.errors_of(cases);

  std::vector<Student> students;
  Table table;
  Chart chart{.title = "What the temperature does",
              .x_label = "temperature T",
              .y_label = fmt::format("errors of {}", lab.test().size()),
              .log_x = true};
  auto next = errors.begin();
  for (const std::string& spec : specs) {
    Student student{.spec = spec, .hard = *next++, .soft = {}};
    Series series{.name = spec};
    table.push_back({{"student", spec},
                     {"T", nullptr},
                     {"errors", student.hard.mean},
                     {"deviation", student.hard.deviation}});
    for (const double t : temperatures) {
      student.soft.push_back(*next++);
      const Spread& e = student.soft.back();
      series.points.push_back({t, e.mean, e.deviation});
      table.push_back(
          {{"student", spec}, {"T", t}, {"errors", e.mean}, {"deviation", e.deviation}});
    }
    chart.levels.push_back({.name = spec + ", hard labels",
                            .y = student.hard.mean,
                            .series = static_cast<int>(chart.series.size())});
    chart.series.push_back(std::move(series));
    students.push_back(std::move(student));
  }
  lab.write("temperature.svg", svg(chart));
  lab.report("temperature", table, found(students, temperatures));
}

}  // namespace limbeck
