// The best student: what distillation can do for a 784-800-800-10 perceptron with all that is here.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "apps/study/lab.h"

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
  soft.batch_size = 64;
  soft.distillation = {.temperature = lab.temperature(4), .alpha = lab.alpha(0.1)};
  soft.needs = std::make_shared<const NamedTraining>(NamedTraining{"teacher", taught});

  const std::vector<Spread> errors =
      lab.errors_of({{.title = "student, hard labels", .training = hard},
                     {.title = "student, distilled",
                      .training = soft,
                      .more = {{"temperature", soft.distillation.temperature},
                               {"alpha", soft.distillation.alpha},
                               {"weight_average", weight_average},
                               {"teacher", lab.describe(taught)}},
                      .train = [&](const Training& training) {
                        Sequential teacher = lab.network("teacher", taught);
                        return lab.distil_anew(teacher, training, weight_average);
                      }}});
  const Spread plain = errors[0], best = errors[1];
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
