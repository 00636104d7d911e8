// The best student: what distillation can do for a 784-800-800-10 perceptron with all that is here.
#include <fmt/format.h>

#include <algorithm>

#include "apps/study/lab.h"
#include "nn/distill/evaluate.h"

namespace limbeck {
namespace {

// An average over many more steps than an epoch has noise.
constexpr double weight_average = 0.999;

// A convolutional teacher: it has what a perceptron must learn from examples, that a shifted digit
// is the same digit.
Training best_teacher(const Lab& lab) {
  return {.spec = lab.settings().quick ? "cnn-tiny" : "cnn-large",
          .epochs = lab.teacher_epochs(20, 3),
          .set = &lab.train(),
          .dropout = 0.3,
          .augment = "distort"};
}

Spread errors_of(const std::vector<Json>& results, std::size_t from, std::size_t count) {
  std::vector<double> errors;
  for (std::size_t i = from; i < from + count; ++i) {
    errors.push_back(results.at(i).at("errors").get<double>());
  }
  return spread_of(errors);
}

}  // namespace

// Distorted images make the transfer set larger, and the teacher is asked about each: in 25 views,
// after which its answers are known and an epoch costs a fifth.
void study_best(Lab& lab) {
  const Training taught = best_teacher(lab);
  const Training hard{
      .spec = lab.students({lab.settings().quick ? "mlp:100,100" : "mlp:800,800"}).front(),
      .epochs = lab.epochs(40, 10),
      .set = &lab.train()};
  Training soft = hard;
  soft.epochs = lab.epochs(300, 10);
  soft.augment = "distort";
  soft.views = 25;
  soft.distillation = {.temperature = lab.temperature(4), .alpha = lab.alpha(0.1)};

  std::vector<Run> runs;
  const auto add = [&](const std::string& how, Training training, double cost, const Json& more,
                       const std::function<Sequential(const Training&)>& train) {
    for (Index seed = 1; seed <= lab.settings().seeds; ++seed) {
      training.seed = static_cast<std::uint64_t>(seed);
      runs.push_back({.what = lab.describe(training, more),
                      .title = fmt::format("student {}, seed {}", how, seed),
                      .cost = cost,
                      .work = [&lab, training, train]() -> Json {
                        Sequential student = train(training);
                        return {{"errors", count_errors(student, lab.test())}};
                      }});
    }
  };
  add("on hard labels", hard, 1, Json::object(),
      [&](const Training& training) { return lab.train_network(training); });
  add("distilled", soft, 20,
      {{"temperature", soft.distillation.temperature},
       {"alpha", soft.distillation.alpha},
       {"weight_average", weight_average},
       {"teacher", lab.describe(taught)}},
      [&](const Training& training) {
        Sequential teacher = lab.network("teacher", taught);
        return lab.distil_anew(teacher, training, weight_average);
      });
  const std::vector<Json> results = lab.run(runs);

  const auto seeds = static_cast<std::size_t>(lab.settings().seeds);
  const Spread plain = errors_of(results, 0, seeds), best = errors_of(results, seeds, seeds);
  const auto teacher_errors = static_cast<double>(lab.teacher("teacher", taught).errors);
  const auto row = [](const std::string& who, const std::string& model, const Spread& e) -> Row {
    return {{"", who}, {"model", model}, {"errors", e.mean}, {"deviation", e.deviation}};
  };
  lab.report(
      "best",
      {row("teacher", taught.spec, {.mean = teacher_errors}),
       row("student, hard labels", hard.spec, plain), row("student, distilled", soft.spec, best)},
      fmt::format("{} errors on hard labels, {} after distillation on distorted images: {:.0f} % "
                  "fewer.\n",
                  text_of(plain), text_of(best),
                  100 * (1 - best.mean / std::max(plain.mean, 1.0))));
}

}  // namespace limbeck
