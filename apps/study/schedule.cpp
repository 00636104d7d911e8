// T in the course of a training: rising, falling, or constant at the middle of its way.
#include <fmt/format.h>

#include <cmath>

#include "apps/study/classroom.h"
#include "apps/study/interval_chart.h"
#include "nn/distill/methods/method_table.h"

namespace limbeck {
namespace {

struct Way {
  std::string name, temperature;  // "8..1", as objectives have it
  std::size_t middle;             // which of the ways it is compared with
};

// From 1 to `high` and back, beside their geometric mean: T goes by equal ratios, so that is where
// the mean of ln T lies, and what differs is the order alone.
void add_ways(std::vector<Way>& ways, double high) {
  const std::size_t middle = ways.size();
  const std::string mean = fmt::format("{:.3g}", std::sqrt(high));
  ways.push_back({fmt::format("constant {}", mean), mean, middle});
  ways.push_back({fmt::format("rising, 1 to {:g}", high), fmt::format("1..{:g}", high), middle});
  ways.push_back({fmt::format("falling, {:g} to 1", high), fmt::format("{:g}..1", high), middle});
}

}  // namespace

void study_schedule(Lab& lab) {
  const bool quick = lab.settings().quick;
  std::vector<Way> ways;
  for (const double high : {4.0, 8.0, 20.0}) add_ways(ways, high);
  const TrainTest parts = held_out(lab.train());
  const Training teacher = classroom_teacher(lab, parts.train);
  Classroom room(lab, teacher);
  Table table;
  std::string found;
  IntervalChart chart{
      .title = "T rising or falling, against T constant at the geometric mean of its ends",
      .x_label =
          fmt::format("difference of errors, of {}, with its 95 % interval", lab.test().size()),
      .reference = 0};
  for (const Sized& student :
       students_of(lab, quick ? std::vector<Sized>{{"mlp:30,30", 3}}
                              : std::vector<Sized>{{"mlp:30,30", 10}, {"mlp:300,300", 3}})) {
    std::vector<Attempt> attempts;
    for (const Way& way : ways) {
      attempts.push_back({student.spec,
                          usual_objective("kd", "T=" + way.temperature, lab.alpha(0.1)),
                          lab.epochs(6, 5)});
    }
    const std::vector<AttemptResult> outcomes = room.outcomes_of(attempts, 1, student.seeds);
    for (std::size_t i = 0; i < ways.size(); ++i) {
      const Way& way = ways[i];
      const Estimate errors = estimate_of(outcomes[i].errors);
      const Estimate more = paired_difference(outcomes[i].errors, outcomes[way.middle].errors);
      const bool moves = i != way.middle;
      table.push_back({{"student", student.spec},
                       {"T", way.name},
                       {"errors", errors.mean},
                       {"± 95 %", half_cell(errors)},
                       {"to constant", moves ? Row(more.mean) : Row(nullptr)},
                       {"±", moves ? half_cell(more) : Row(nullptr)},
                       {"seeds", student.seeds}});
      if (!moves) continue;
      chart.rows.push_back({student.spec + ", " + way.name, more.mean, more.half.value_or(0)});
      found += fmt::format("{}, T {}: {} errors to T {}, {}.\n", student.spec, way.name,
                           signed_text_of(more), ways[way.middle].name, verdict_of(more));
    }
  }
  lab.write("schedule.svg", svg(chart));
  lab.report("schedule", table, found);
}

}  // namespace limbeck
