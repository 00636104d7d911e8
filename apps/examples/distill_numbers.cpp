// The worked examples of nn/distill/README.md: each prints the numbers that the chapter explains.
#include <fmt/format.h>

#include <cmath>

#include "core/ops.h"
#include "nn/distill/distillation_loss.h"
#include "nn/distill/ensemble.h"
#include "nn/losses.h"
#include "nn/sequential.h"

using namespace limbeck;

// Logits of mean 0 for an image of a 2: a teacher's, and those of a student that has only begun.
const Tensor v = Tensor::from({1, 10}, {1, -2, 11, 7, -6, -1, -3, 2, 4, -13});
const Tensor z = Tensor::from({1, 10}, {0, -1, 2, 2, -1, 0, -1, 0, 1, -2});
const std::vector<std::int32_t> label = {2};

double length(const Tensor& x) {
  return std::sqrt(static_cast<double>(sum(x * x).item()));
}

std::string numbers(const Tensor& x) {
  std::string text;
  for (const real element : x.values()) text += fmt::format("{:>8.4f}", element);
  return text;
}

// The gradient of the student's logits.
Tensor gradient(const DistillationOptions& options) {
  const Tensor student = z.clone().requires_grad();
  distillation_loss(student, v, label, options).total.backward();
  return student.grad();
}

void temperature() {
  fmt::print("--- temperature\n");
  for (const double t : {1.0, 2.0, 4.0, 8.0, 20.0}) {
    const Tensor p = softmax(v, t);
    const double nats = -static_cast<double>(sum(p * log_softmax(v, t)).item());
    fmt::print("T = {:<3g}{}  entropy {:.3f} bits\n", t, numbers(p), nats / std::log(2.0));
  }
}

void t_squared() {
  fmt::print("--- T²\n");
  fmt::print("{:>5}  {:>12}  {:>12}\n", "T", "of KL", "of T² KL");
  for (const double t : {1.0, 2.0, 4.0, 8.0, 20.0, 100.0}) {
    const double size = length(gradient({.temperature = t, .alpha = 0}));
    fmt::print("{:>5g}  {:>12.6f}  {:>12.4f}\n", t, size / (t * t), size);
  }
  fmt::print("|z − v| / C = {:.4f}\n", length(z - v) / 10);
}

void hard_and_soft() {
  fmt::print("--- hard and soft\n");
  const DistillationLoss loss = distillation_loss(z, v, label, {.temperature = 4, .alpha = 0.1});
  fmt::print("hard {:.4f}, soft {:.4f}, total {:.4f}\n", loss.hard, loss.soft, loss.total.item());
  fmt::print("pull of the label    {}\n", numbers(gradient({.temperature = 4, .alpha = 1})));
  fmt::print("pull of the teacher  {}\n", numbers(gradient({.temperature = 4, .alpha = 0})));
}

void kl_and_cross_entropy() {
  fmt::print("--- KL and cross-entropy\n");
  const Tensor p = softmax(v, 4);
  const double cross = soft_cross_entropy(z / 4, p).item();
  const double kl = kl_div(log_softmax(z, 4), p).item();
  fmt::print("CE {:.4f} = entropy {:.4f} + KL {:.4f}\n", cross, cross - kl, kl);
  fmt::print("averaged over the 10 classes too: {:.4f}\n", kl / 10);
}

void two_teachers() {
  fmt::print("--- two teachers\n");
  const Tensor sure = Tensor::from({1, 3}, {6, 0, 0}), doubtful = Tensor::from({1, 3}, {0, 2, 0});
  Sequential one([&](const Tensor&) { return sure; });
  Sequential other([&](const Tensor&) { return doubtful; });
  for (const auto& [name, averaging] : {std::pair("logits", Averaging::logits),
                                        std::pair("probabilities", Averaging::probabilities)}) {
    Ensemble both({&one, &other}, {.averaging = averaging});
    fmt::print("mean of {:<13} {}\n", name, numbers(softmax(both(sure))));
  }
}

int main() {
  temperature();
  t_squared();
  hard_and_soft();
  kl_and_cross_entropy();
  two_teachers();
}
