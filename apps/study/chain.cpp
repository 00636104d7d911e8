// Chains of students: does one between a large teacher and a small student help; and what becomes
// of a network that learns from its like, generation after generation.
#include <fmt/format.h>

#include <deque>

#include "apps/study/chart.h"
#include "apps/study/classroom.h"
#include "nn/distill/ensemble.h"
#include "nn/distill/methods/chains.h"
#include "nn/distill/methods/method_table.h"
#include "nn/train/evaluate.h"

namespace limbeck {
namespace {

constexpr std::size_t generations = 5;

std::vector<ChainStep> unchecked(std::vector<ChainStep> steps) {
  for (ChainStep& step : steps) step.how.self_check = false;
  return steps;
}

// Errors of the assistant and of the student that learns from it.
Json by_assistant(Lab& lab, Classroom& room, const Training& training, const std::string& spec,
                  const Objective& objective) {
  Training between = training;
  between.spec = spec;
  Sequential assistant = untrained(between);
  Sequential student = lab.trained(training, [&](Sequential& last, const TrainOptions& options) {
    std::vector<ChainStep> steps =
        unchecked(assistants(room.teacher(), {&assistant, &last}, objective, options));
    steps.back().options.seed = options.seed;  // as the student without an assistant has it
    Chain(std::move(steps)).fit(room.images());
  });
  return {{"errors", count_errors(student, lab.test())},
          {"assistant", count_errors(assistant, lab.test())}};
}

// Errors of each generation, from the one on hard labels on, and of all of them together.
Json by_generations(Lab& lab, const Training& training, const Objective& objective) {
  std::deque<Sequential> all;
  all.push_back(lab.train_network(training));
  Training next = training;
  for (std::size_t g = 1; g < generations; ++g) {
    next.seed = training.seed + 1000 * g;  // of the first weights
    all.push_back(untrained(next));
  }
  next.seed = training.seed + 1000 * generations;
  all.push_back(lab.trained(next, [&](Sequential& last, const TrainOptions& options) {
    std::vector<Module*> students;
    for (std::size_t g = 1; g < generations; ++g) students.push_back(&all[g]);
    students.push_back(&last);
    Chain(unchecked(born_again(all.front(), students, options, objective))).fit(*training.set);
  }));
  Json errors = Json::array();
  std::vector<Module*> members;
  for (Sequential& network : all) {
    errors.push_back(count_errors(network, lab.test()));
    members.push_back(&network);
  }
  Ensemble together(members, {.averaging = Averaging::probabilities});
  return {{"errors", errors}, {"together", count_errors(together, lab.test())}};
}

std::vector<double> counts(const std::vector<Json>& results, const std::string& key) {
  std::vector<double> all;
  for (const Json& result : results) all.push_back(static_cast<double>(count_in(result, key)));
  return all;
}

// The table of both, the chart of generations, and what was found.
class Report {
 public:
  // Beside `base`, what it is compared with; none: nothing.
  void row(const std::string& student, const std::string& who, const std::vector<double>& errors,
           const std::vector<double>& base = {}) {
    const Estimate e = estimate_of(errors);
    const Estimate more = base.empty() ? Estimate{} : paired_difference(errors, base);
    table_.push_back({{"student", student},
                      {"learned from", who},
                      {"errors", e.mean},
                      {"± 95 %", half_cell(e)},
                      {"to the first", base.empty() ? Row(nullptr) : Row(more.mean)},
                      {"±", half_cell(more)},
                      {"seeds", errors.size()}});
    if (base.empty()) return;
    found_ += fmt::format("{} from {}: {} errors to the first, {}.\n", student, who,
                          signed_text_of(more), verdict_of(more));
  }
  void print(Lab& lab, const Series& series) const {
    lab.write(
        "chain.svg",
        svg(Chart{.title = "Errors by generation, each a student of the one before",
                  .x_label = "generation; 0 learns from labels alone",
                  .y_label = fmt::format("errors of {}, with 95 % intervals", lab.test().size()),
                  .series = {series}}));
    lab.report("chain", table_, found_);
  }

 private:
  Table table_;
  std::string found_;
};

}  // namespace

void study_chain(Lab& lab) {
  const bool quick = lab.settings().quick;
  const Sized student = students_of(lab, {Sized{"mlp:30,30", quick ? 2 : 10}}).front();
  const std::string assistant = quick ? "mlp:100,100" : "mlp:300,300";
  const Index epochs = lab.epochs(6, 5);
  const std::string text =
      usual_objective("kd", fmt::format("T={:g}", lab.temperature(4)), lab.alpha(0.1));
  const TrainTest parts = held_out(lab.train());
  const Training teacher = classroom_teacher(lab, parts.train);
  Classroom room(lab, teacher);
  const std::vector<AttemptResult> direct = room.outcomes_of(
      {{student.spec, text, epochs}, {student.spec, text, 2 * epochs}}, 1, student.seeds);

  std::vector<Run> runs;
  const std::string own = "kd(T=1)";
  for (Index seed = 1; seed <= student.seeds; ++seed) {
    const Training training{.spec = student.spec,
                            .seed = static_cast<std::uint64_t>(seed),
                            .epochs = epochs,
                            .set = &parts.train};
    runs.push_back({.what = lab.describe(training, {{"assistant", assistant},
                                                    {"objective", text},
                                                    {"teacher", room.teacher_is()}}),
                    .title = fmt::format("{} by {}, seed {}", student.spec, assistant, seed),
                    .cost = 5 * cost_of(training),
                    .work = [&, training] {
                      return by_assistant(lab, room, training, assistant, objective_of(text));
                    }});
    runs.push_back(
        {.what = lab.describe(training, {{"generations", generations}, {"objective", own}}),
         .title = fmt::format("{}, {} generations, seed {}", student.spec, generations, seed),
         .cost = static_cast<double>(generations + 1) * cost_of(training),
         .work = [&, training] { return by_generations(lab, training, objective_of(own)); }});
  }
  const std::vector<Json> results = lab.run(runs);
  std::vector<Json> assisted, generated;
  for (std::size_t i = 0; i < results.size(); ++i) {
    (i % 2 == 0 ? assisted : generated).push_back(results[i]);
  }

  Report report;
  report.row(student.spec, teacher.spec, direct[0].errors);
  report.row(student.spec, fmt::format("{}, {} epochs for {}", teacher.spec, 2 * epochs, epochs),
             direct[1].errors, direct[0].errors);
  report.row(student.spec, fmt::format("{}, and that from {}", assistant, teacher.spec),
             counts(assisted, "errors"), direct[0].errors);
  Series series{.name = student.spec};
  std::vector<double> first;
  for (std::size_t g = 0; g <= generations; ++g) {
    const std::vector<double> errors = counts(generated, fmt::format("errors/{}", g));
    const Estimate e = estimate_of(errors);
    series.points.push_back({static_cast<double>(g), e.mean, e.half.value_or(0)});
    report.row(student.spec, g == 0 ? "labels" : fmt::format("generation {}", g - 1), errors,
               first);
    if (g == 0) first = errors;
  }
  report.row("all of these together", "labels and one another", counts(generated, "together"),
             first);
  report.print(lab, series);
}

}  // namespace limbeck
