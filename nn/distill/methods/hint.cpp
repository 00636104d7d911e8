#include "nn/distill/methods/hint.h"

#include "core/error.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/conv_transpose2d.h"
#include "nn/linear.h"
#include "nn/losses.h"

namespace limbeck {
namespace {

// How a convolution brings a side of s pixels to one of t.
struct Side {
  Index kernel, stride, padding;
};

Side side_to(Index s, Index t) {
  if (s > t && (s + 1) / 2 == t) return {.kernel = 3, .stride = 2, .padding = 1};
  return {.kernel = 1 + s - t, .stride = 1, .padding = 0};
}

}  // namespace

Sequential hint_regressor(const Shape& student, const Shape& teacher, const HintOptions& options,
                          Rng& rng) {
  constexpr const char* op = "hint_regressor";
  const auto refuse = [&](const char* why) {
    fail(op, "the student's features {} cannot become the teacher's {}: {}", student, teacher, why);
  };
  Sequential r;
  if (student.rank() == 1 && teacher.rank() == 1) {
    r.add(Linear({.in = student.dim(0), .out = teacher.dim(0)}, rng));
    if (options.relu) r.add(BatchNorm1d({.channels = teacher.dim(0)}));
  } else if (student.rank() == 3 && teacher.rank() == 3) {
    const Index h = student.dim(1), w = student.dim(2);
    const Index to_h = teacher.dim(1), to_w = teacher.dim(2);
    if (2 * h == to_h && 2 * w == to_w) {
      r.add(ConvTranspose2d(
          {.in = student.dim(0), .out = teacher.dim(0), .kernel = 4, .stride = 2, .padding = 1},
          rng));
    } else if (h >= to_h && w >= to_w) {
      const Side y = side_to(h, to_h), x = side_to(w, to_w);
      r.add(Conv2d({.in = student.dim(0),
                    .out = teacher.dim(0),
                    .kernel = {y.kernel, x.kernel},
                    .stride = {y.stride, x.stride},
                    .padding = {y.padding, x.padding}},
                   rng));
    } else {
      refuse("planes can shrink or double; name a stage of another size");
    }
    if (options.relu) r.add(BatchNorm2d({.channels = teacher.dim(0)}));
  } else {
    refuse("both must be rows (D) or both maps (K, H, W)");
  }
  if (options.relu) r.add(ReLU());
  return r;
}

Tensor hint_loss(const Tensor& regressed, const Tensor& teacher) {
  if (regressed.shape() != teacher.shape() || regressed.size() == 0) {
    fail("hint_loss", "the regressor gives {} where the teacher's features are {}",
         regressed.shape(), teacher.shape());
  }
  return mse(regressed, teacher.detach());
}

Term hint(const TapPaths& taps, const HintOptions& options) {
  const auto regressor = std::make_shared<Sequential>();
  Term term = detail::feature_term("hint", taps, options.relu ? "relu" : "",
                                   [regressor](const Tensor& student, const Tensor& teacher) {
                                     return hint_loss((*regressor)(student), teacher);
                                   });
  term.modules = {regressor};
  term.prepare = [=](const TermShapes& of, Rng& rng) {
    *regressor = hint_regressor(of.student_taps[0], of.teacher_taps[0], options, rng);
  };
  term.promises.at_equal.reset();  // r has still to learn that
  return term;
}

}  // namespace limbeck
