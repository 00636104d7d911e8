// A program of somebody who has installed Limbeck: trains a teacher on digits that the library
// draws itself, and a student twice, on the labels and by distillation.
#include <fmt/format.h>
#include <limbeck/data/synthetic_digits.h>
#include <limbeck/nn/distill/distiller.h>
#include <limbeck/nn/distill/evaluate.h>
#include <limbeck/nn/models.h>

int ops_of_everything();  // everything.cpp

int main() {
  const auto [train, test] = limbeck::synthetic_digits({.train = 2'000, .test = 500});
  limbeck::Rng rng(1);
  limbeck::Sequential teacher = limbeck::mlp({784, 200, 10}, {}, rng);
  limbeck::Sequential alone = limbeck::mlp({784, 16, 10}, {}, rng);
  limbeck::Sequential student = limbeck::mlp({784, 16, 10}, {}, rng);

  limbeck::train_classifier(teacher, train, {.epochs = 8});
  limbeck::train_classifier(alone, train, {.epochs = 8});
  limbeck::Distiller(teacher, student, {.temperature = 4, .alpha = 0.1}).fit(train, {.epochs = 8});

  fmt::print("errors of {}: teacher {}, student on labels {}, distilled {}\n", test.size(),
             limbeck::count_errors(teacher, test), limbeck::count_errors(alone, test),
             limbeck::count_errors(student, test));
  return ops_of_everything() == 3 ? 0 : 1;
}
