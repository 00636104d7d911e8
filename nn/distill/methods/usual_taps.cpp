#include "nn/distill/methods/usual_taps.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "nn/dropout.h"
#include "nn/output_watch.h"
#include "nn/sequential.h"

namespace limbeck {
namespace {

// A stage of a network, and what it gives for one image, without N.
struct Stage {
  std::string path;
  Shape shape;
};

bool has_matrix(const Module& module) {
  return std::ranges::any_of(module.parameters(),
                             [](const Tensor& p) { return p.shape().rank() >= 2; });
}

bool rearranges(const Module* module) {
  return dynamic_cast<const Flatten*>(module) != nullptr ||
         dynamic_cast<const Dropout*>(module) != nullptr;
}

std::vector<Stage> stages_of(Module& network, const Shape& image) {
  std::map<const Module*, Shape> outputs;
  {
    const EvalMode eval_mode(network);
    const NoGrad no_grad;
    const OutputWatch watch([&](const Module& module, const Tensor& y) {
      if (y.shape().rank() > 1) outputs[&module] = y.shape().without_front();
    });
    static_cast<void>(network(Tensor::zeros(image.with_front(1))));
  }
  std::vector<Stage> stages;
  bool begun = false;
  for (const auto& [path, module] : network.named_modules()) {
    if (path.empty() || path.find('.') != std::string::npos) continue;
    if (has_matrix(*module)) {
      stages.emplace_back();
      begun = true;
    }
    if (!begun || rearranges(module) || !outputs.contains(module)) continue;
    stages.back() = {.path = path, .shape = outputs[module]};
  }
  if (begun) stages.pop_back();                                                  // the classifier
  std::erase_if(stages, [](const Stage& stage) { return stage.path.empty(); });  // they do not run
  return stages;
}

bool fit(TapKind kind, const Shape& student, const Shape& teacher) {
  const bool both_maps = student.rank() == 3 && teacher.rank() == 3;
  switch (kind) {
    case TapKind::last:
      return true;
    case TapKind::maps:
      return both_maps;
    case TapKind::middle:
      break;
  }
  if (!both_maps) return student.rank() == 1 && teacher.rank() == 1;
  return student.dim(1) >= teacher.dim(1) && student.dim(2) >= teacher.dim(2);
}

// How far stage i of n is from where the method wants it.
double distance(TapKind kind, std::size_t i, std::size_t n) {
  const double at = n == 1 ? 1 : static_cast<double>(i) / static_cast<double>(n - 1);
  return std::abs(at - (kind == TapKind::middle && n > 1 ? 0.5 : 1.0));
}

std::string list_of(const std::vector<Stage>& stages) {
  std::string list;
  for (const Stage& stage : stages) {
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", stage.path, stage.shape);
  }
  return list.empty() ? "none" : list;
}

}  // namespace

TapPaths usual_taps(const std::string& method, TapKind kind, Module& student, Module& teacher,
                    const Shape& image) {
  const std::vector<Stage> of_student = stages_of(student, image);
  const std::vector<Stage> of_teacher = stages_of(teacher, image);
  std::optional<TapPaths> best;
  double least = 0;
  for (std::size_t i = of_student.size(); i-- > 0;) {
    for (std::size_t j = of_teacher.size(); j-- > 0;) {
      if (!fit(kind, of_student[i].shape, of_teacher[j].shape)) continue;
      const double far =
          distance(kind, i, of_student.size()) + distance(kind, j, of_teacher.size());
      if (best && far >= least) continue;
      best = {.student = of_student[i].path, .teacher = of_teacher[j].path};
      least = far;
    }
  }
  if (best) return *best;
  fail(method.c_str(),
       "{}; the student's stages: {}; the teacher's: {}. Name other modules if there are some",
       kind == TapKind::maps ? "it compares feature maps (K, H, W), which both must have"
                             : "it has no two stages to compare",
       list_of(of_student), list_of(of_teacher));
}

}  // namespace limbeck
