// A program of somebody who has installed Limbeck: trains a teacher on digits that the library
// draws itself, and distils a student from it; and checks a layer as a test of his own would.
#include <fmt/format.h>
#include <limbeck/data/synthetic_digits.h>
#include <limbeck/nn/distill/distiller.h>
#include <limbeck/nn/linear.h>
#include <limbeck/nn/models.h>
#include <limbeck/nn/train/evaluate.h>
#include <limbeck/testing.h>

int sum_by_all_headers();  // everything.cpp

int main() {
  const auto [train, test] = limbeck::synthetic_digits({.train = 2'000, .test = 500});
  limbeck::Rng rng(1);
  limbeck::Sequential teacher = limbeck::mlp({784, 200, 10}, {}, rng);
  limbeck::Sequential student = limbeck::mlp({784, 16, 10}, {}, rng);

  limbeck::train_classifier(teacher, train, {.epochs = 10, .lr = 3e-3});
  limbeck::Distiller distiller(teacher, student, {.temperature = 4, .alpha = 0.1});
  distiller.fit(train, {.epochs = 10, .lr = 3e-3});

  fmt::print("errors of {}: teacher {}, student {}\n", test.size(),
             limbeck::count_errors(teacher, test), limbeck::count_errors(student, test));
  limbeck::Linear layer({.in = 3, .out = 2}, rng);
  const double off =
      limbeck::testing::gradient_error(layer, limbeck::testing::random_tensor({4, 3}, 1));
  return sum_by_all_headers() == 3 && off < 0.1 ? 0 : 1;  // in float; in double below 1e-6
}
