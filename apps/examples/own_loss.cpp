// A training of one's own: a student that learns from labels, from what a teacher's hidden layer
// says, and to keep its logits small. Prints every number that the reports have.
#include <fmt/format.h>

#include "core/autograd.h"
#include "core/ops.h"
#include "data/synthetic_digits.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/models.h"
#include "nn/train/evaluate.h"
#include "nn/train/trainer.h"

using namespace limbeck;

namespace {

// A perceptron that remembers its hidden values for the last batch.
class Perceptron : public Module {
 public:
  Perceptron(Index width, Rng& rng)
      : body_(Flatten(), Linear({.in = 784, .out = width}, rng), ReLU()),
        head_({.in = width, .out = 10}, rng) {}
  std::string describe() const override { return "Perceptron"; }

  Tensor hidden;  // (N, width)

 protected:
  Tensor forward(const Tensor& x) override {
    hidden = body_(x);
    return head_(hidden);
  }
  void parts(Parts& parts) override {
    parts("body", body_);
    parts("head", head_);
  }

 private:
  Sequential body_;
  Linear head_;
};

}  // namespace

int main() {
  const auto [train, test] = synthetic_digits({.train = 4'000, .test = 1'000});
  Rng rng(1);
  Perceptron teacher(200, rng), student(16, rng);
  train_classifier(teacher, train, {.epochs = 8});

  // From what the student sees to what the teacher sees; it learns with the student.
  Linear adaptor({.in = 16, .out = 200}, rng);
  const auto hint = [&](const Batch& batch) {
    const NoGrad no_grad;
    teacher(batch.images);
    return teacher.hidden;
  };
  TrainOptions options{.epochs = 10, .clip_norm = 5, .with = {&adaptor}, .test = &test};
  options.validation_split = 0.1;
  options.patience = 4;
  options.on_epoch = [](const EpochReport& report) {
    fmt::print("epoch {:>2}", report.epoch);
    for (const ReportNumber& number : numbers_of(report)) {
      if (number.value) fmt::print("  {} {:.3g}", number.name, *number.value);
    }
    fmt::print("\n");
  };
  const EvalMode eval_mode(teacher);
  fit(student, train, options, [&](const Step& step) -> Loss {
    const Tensor labels = cross_entropy(step.logits, step.batch.class_ids);
    return {{"labels", 1, labels},
            {"hint", 2 * (1 - step.done), mse(adaptor(student.hidden), hint(step.batch))},
            {"small", 1e-3, mean(square(step.logits))}};
  });
  fmt::print("teacher {} errors of {}, student {}\n", count_errors(teacher, test), test.size(),
             count_errors(student, test));
}
