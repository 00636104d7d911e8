// A loss of one's own with three terms: labels, a teacher's softened answer, and small logits. Each
// is a number of every report.
#include <fmt/format.h>
#include <limbeck/limbeck.h>

#include <cmath>

using namespace limbeck;

int main() {
  const auto [train, test] = synthetic_digits({.train = 2'000, .test = 500});
  Rng rng(1);
  Sequential teacher = mlp({784, 200, 10}, {}, rng), student = mlp({784, 16, 10}, {}, rng);
  train_classifier(teacher, train, {.epochs = 6, .lr = 3e-3});

  const EvalMode eval_mode(teacher);
  const double t = 4;
  const auto reports =
      fit(student, train, {.epochs = 8, .lr = 3e-3}, [&](const Step& step) -> Loss {
        Tensor answer;
        {
          const NoGrad no_grad;
          answer = softmax(teacher(step.batch.images), t);
        }
        return {{"labels", 0.1, cross_entropy(step.logits, step.batch.class_ids)},
                {"teacher", 0.9 * t * t, kl_div(log_softmax(step.logits, t), answer)},
                {"small", 1e-3 * (1 - step.done), mean(square(step.logits))}};
      });
  double off = 0;
  for (const EpochReport& report : reports) {
    double sum = 0;
    for (const TermValue& term : report.terms) sum += term.weight * term.value;
    fmt::print("epoch {}  loss {:.4f}  labels {:.4f}  teacher {:.4f}  small {:.3f}\n", report.epoch,
               report.loss, report.term("labels"), report.term("teacher"), report.term("small"));
    off = std::max(off, std::abs(sum - report.loss) / report.loss);
  }
  const Index errors = count_errors(student, test);
  fmt::print("{} errors of {}, the teacher's {}\n", errors, test.size(),
             count_errors(teacher, test));
  // (The weight of "small" falls within an epoch, so a mean of products is not that of means.)
  return errors < 200 && off < 0.01 ? 0 : 1;
}
