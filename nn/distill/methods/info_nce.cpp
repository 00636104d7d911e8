#include "nn/distill/methods/info_nce.h"

#include <numeric>
#include <vector>

#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/matmul.h"
#include "core/ops/shape_ops.h"
#include "core/ops/softmax.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/sequential.h"

namespace limbeck {
namespace {

// What is added to s: nothing, and so much that exp gives 0 for other images of the same class.
Tensor mask_of(std::span<const std::int32_t> class_ids) {
  const auto n = static_cast<Index>(class_ids.size());
  Tensor mask = Tensor::zeros({n, n});
  for (std::size_t i = 0; i < class_ids.size(); ++i) {
    for (std::size_t j = 0; j < class_ids.size(); ++j) {
      if (i != j && class_ids[i] >= 0 && class_ids[i] == class_ids[j]) {
        mask.values()[i * class_ids.size() + j] = real(-1e9);
      }
    }
  }
  return mask;
}

}  // namespace

Tensor info_nce_loss(const Tensor& student, const Tensor& teacher, const InfoNceOptions& options,
                     std::span<const std::int32_t> class_ids) {
  constexpr const char* op = "info_nce_loss";
  detail::check_features(op, student, teacher);
  check_temperature(op, options.temperature);
  if (student.shape().rank() != 2 || student.shape() != teacher.shape()) {
    fail(op, "both sides must be projected to one width (N, D); got {} and {}", student.shape(),
         teacher.shape());
  }
  const auto n = static_cast<std::size_t>(student.dim(0));
  Tensor s = matmul(detail::unit_rows(student), detail::unit_rows(teacher), {.b = true}) /
             options.temperature;
  if (options.mask_same_class) {
    if (class_ids.size() != n) fail(op, "{} labels for {} images", class_ids.size(), n);
    s = s + mask_of(class_ids);
  }
  std::vector<std::int32_t> own(n);  // the place of image i's own features is i
  std::iota(own.begin(), own.end(), 0);
  const Tensor forth = cross_entropy(s, own);
  return options.both ? (forth + cross_entropy(permute(s, {1, 0}), own)) / 2 : forth;
}

Term info_nce(const TapPaths& taps, const InfoNceOptions& options) {
  check_temperature("info_nce", options.temperature);
  if (options.width < 1) fail("info_nce", "the width must be at least 1; got {}", options.width);
  const auto of_student = std::make_shared<Sequential>();
  const auto of_teacher = std::make_shared<Sequential>();
  Term term = detail::feature_term(
      "info-nce", taps,
      fmt::format("T={:g}, width={}{}{}", options.temperature, options.width,
                  options.both ? ", both" : "", options.mask_same_class ? ", masked" : ""),
      {});
  term.value = [=](const TermStep& s) {
    return info_nce_loss((*of_student)(s.student_taps[0]), (*of_teacher)(s.teacher_taps[0]),
                         options, s.batch.class_ids);
  };
  term.modules = {of_student, of_teacher};
  term.prepare = [=](const TermShapes& of, Rng& rng) {
    const auto projection = [&](const Shape& from) {
      return Sequential(Flatten(), Linear({.in = from.size(), .out = options.width}, rng));
    };
    *of_student = projection(of.student_taps[0]);
    *of_teacher = projection(of.teacher_taps[0]);
  };
  term.promises.at_equal.reset();
  return term;
}

}  // namespace limbeck
