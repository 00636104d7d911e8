// Does the best temperature still depend on the student where logits are standardised? T for
// students of several sizes, by kd and by std:kd.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "apps/study/chart.h"
#include "apps/study/classroom.h"

namespace limbeck {
namespace {

// A student's errors at each T, one way.
struct Curve {
  std::string student, method;
  std::vector<AttemptResult> outcomes{};

  std::size_t best() const {
    const auto mean = [](const AttemptResult& o) { return spread_of(o.errors).mean; };
    return static_cast<std::size_t>(std::ranges::min_element(outcomes, {}, mean) -
                                    outcomes.begin());
  }
  // How many errors more it makes at its worst T than at its best one.
  Estimate worst_to_best() const {
    Estimate largest;
    for (const AttemptResult& o : outcomes) {
      const Estimate more = paired_difference(o.errors, outcomes[best()].errors);
      if (more.mean >= largest.mean) largest = more;
    }
    return largest;
  }
  // The temperatures at which it does no worse than at the best one, within the interval.
  std::string as_good(const std::vector<double>& temperatures) const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      if (i == best() ||
          !paired_difference(outcomes[i].errors, outcomes[best()].errors).differs_from_0()) {
        names.push_back(fmt::format("{:g}", temperatures[i]));
      }
    }
    return fmt::format("{}", fmt::join(names, ", "));
  }
};

std::string objective_at(const std::string& method, double t) {
  return fmt::format("0.1 * labels + {} * {}(T={:g})", method == "kd" ? "0.9" : "9", method, t);
}

std::string found(const std::vector<Curve>& curves, const std::vector<double>& temperatures) {
  std::string text;
  for (const Curve& c : curves) {
    const bool repeated = c.outcomes.front().errors.size() > 1;
    text +=
        fmt::format("{} by {}: best at T = {:g}, {} errors; at its worst T {} more{}.\n", c.student,
                    c.method, temperatures[c.best()],
                    text_of(estimate_of(c.outcomes[c.best()].errors)), text_of(c.worst_to_best()),
                    repeated ? "; no difference within the interval at " + c.as_good(temperatures)
                             : ", of one seed");
  }
  for (const std::string method : {"kd", "std:kd"}) {
    std::vector<double> best, worst;
    for (const Curve& c : curves) {
      if (c.method != method) continue;
      best.push_back(temperatures[c.best()]);
      worst.push_back(c.worst_to_best().mean);
    }
    text += fmt::format(
        "By {} the best T of these students goes from {:g} to {:g}, and the choice of T makes at "
        "most {:.1f} errors.\n",
        method, *std::ranges::min_element(best), *std::ranges::max_element(best),
        *std::ranges::max_element(worst));
  }
  return text;
}

}  // namespace

void study_standardised(Lab& lab) {
  const bool quick = lab.settings().quick;
  const std::vector<Sized> students = students_of(
      lab, quick ? std::vector<Sized>{{"mlp:30,30", 2}, {"mlp:100,100", 2}}
                 : std::vector<Sized>{{"mlp:30,30", 10}, {"mlp:300,300", 3}, {"mlp:800,800", 2}});
  const std::vector<double> temperatures =
      quick ? std::vector<double>{1, 4, 16, 40} : std::vector<double>{1, 2, 4, 8, 16, 40};
  const TrainTest parts = held_out(lab.train());
  const Training teacher = classroom_teacher(lab, parts.train);
  Classroom room(lab, teacher);
  std::vector<Curve> curves;
  Table table;
  Chart chart{.title = "T, of logits as they are and of standardised ones",
              .x_label = "temperature T",
              .y_label = fmt::format("errors of {}, with 95 % intervals", lab.test().size()),
              .log_x = true};
  for (const Sized& student : students) {
    std::vector<Attempt> attempts;
    for (const std::string method : {"kd", "std:kd"}) {
      for (const double t : temperatures) {
        attempts.push_back({student.spec, objective_at(method, t), lab.epochs(6, 5)});
      }
    }
    const std::vector<AttemptResult> outcomes = room.outcomes_of(attempts, 1, student.seeds);
    auto next = outcomes.begin();
    for (const std::string method : {"kd", "std:kd"}) {
      Curve curve{.student = student.spec, .method = method};
      Series series{.name = student.spec + ", " + method};
      for (const double t : temperatures) {
        const AttemptResult& outcome = curve.outcomes.emplace_back(*next++);
        const Estimate errors = estimate_of(outcome.errors);
        series.points.push_back({t, errors.mean, errors.half.value_or(0)});
        table.push_back({{"student", student.spec},
                         {"method", method},
                         {"T", t},
                         {"errors", errors.mean},
                         {"± 95 %", half_cell(errors)},
                         {"seeds", student.seeds}});
      }
      curves.push_back(std::move(curve));
      chart.series.push_back(std::move(series));
    }
  }
  lab.write("standardised.svg", svg(chart));
  lab.report("standardised", table, found(curves, temperatures));
}

}  // namespace limbeck
