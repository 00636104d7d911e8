#include "nn/distill/methods/chains.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "nn/distill/methods/labels.h"
#include "nn/distill/methods/mse_logits.h"

namespace limbeck {
namespace {

// Each student learns from the one before it.
std::vector<ChainStep> one_after_another(const char* op, const char* name, Module& teacher,
                                         const std::vector<Module*>& students,
                                         const Objective& objective, const TrainOptions& options) {
  if (students.empty()) fail(op, "at least one student is needed");
  std::vector<ChainStep> steps;
  Module* from = &teacher;
  for (Module* const student : students) {
    ChainStep step{.name = fmt::format("{}-{}", name, steps.size() + 1),
                   .student = student,
                   .from = from,
                   .objective = objective,
                   .options = options};
    step.options.seed += steps.size();
    steps.push_back(std::move(step));
    from = student;
  }
  return steps;
}

}  // namespace

std::vector<ChainStep> assistants(Module& teacher, const std::vector<Module*>& students,
                                  const Objective& objective, const TrainOptions& options) {
  auto steps = one_after_another("assistants", "assistant", teacher, students, objective, options);
  steps.back().name = "student";
  return steps;
}

std::vector<ChainStep> born_again(Module& teacher, const std::vector<Module*>& generations,
                                  const TrainOptions& options, const Objective& objective) {
  constexpr const char* op = "born_again";
  auto steps = one_after_another(op, "generation", teacher, generations, objective, options);
  std::vector<std::string> known = {detail::checksum_of(teacher)};
  for (const ChainStep& step : steps) {
    if (step.student == nullptr) fail(op, "{} is null", step.name);
    if (detail::layers_of(*step.student) != detail::layers_of(teacher)) {
      fail(op, "{} has other layers than the teacher: assistants() is for those", step.name);
    }
    const std::string weights = detail::checksum_of(*step.student);
    if (std::ranges::find(known, weights) != known.end()) {
      fail(op, "{} begins with the weights of one before it; each needs a seed of its own",
           step.name);
    }
    known.push_back(weights);
  }
  return steps;
}

Varying damped(Index n) {
  if (n < 1) fail("damped", "at least one part is needed; got {}", n);
  const auto parts = static_cast<double>(n);
  return [=](double done) { return std::min(std::floor(done * parts) + 1, parts) / parts; };
}

std::vector<ChainStep> annealing(Module& teacher, Module& student, const TrainOptions& regression,
                                 const TrainOptions& on_labels, Index n) {
  return {{.name = "regression",
           .student = &student,
           .from = &teacher,
           .objective = mse_logits({.teacher_scale = damped(n)}),
           .options = regression},
          {.name = "labels", .student = &student, .objective = labels(), .options = on_labels}};
}

}  // namespace limbeck
