#include "nn/distill/methods/standardise.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "nn/distill/methods/rows.h"
#include "nn/losses.h"

namespace limbeck {
namespace {

constexpr double epsilon = 1e-7;

// A row standardised, in double.
struct Standard {
  std::vector<double> x;  // (C)
  double sigma = 0;

  void set(const real* logits, int correction) {
    const auto classes = static_cast<double>(x.size());
    // By differences from the first logit, so that a constant row has no σ by rounding.
    double sum = 0, squares = 0;
    for (std::size_t j = 0; j < x.size(); ++j) {
      x[j] = static_cast<double>(logits[j]) - static_cast<double>(logits[0]);
      sum += x[j];
    }
    for (double& d : x) d -= sum / classes, squares += d * d;
    sigma = std::sqrt(squares / (classes - correction));
    for (double& d : x) d /= sigma + epsilon;
  }
};

// dx of a row, from dy.
void backward_row(real* dx, const real* dy, const Standard& y, int correction) {
  const auto classes = static_cast<double>(y.x.size());
  double sum = 0, along = 0;  // Σ dy, Σ dy y
  for (std::size_t j = 0; j < y.x.size(); ++j) {
    sum += static_cast<double>(dy[j]);
    along += static_cast<double>(dy[j]) * y.x[j];
  }
  const double size = y.sigma + epsilon;
  const double back = along * size / ((classes - correction) * y.sigma);
  for (std::size_t j = 0; j < y.x.size(); ++j) {
    const double d = static_cast<double>(dy[j]) - sum / classes - y.x[j] * back;
    dx[j] = y.sigma == 0 ? dy[j] * 0 : static_cast<real>(d / size);  // NaN stays
  }
}

}  // namespace

Tensor standardise(const Tensor& logits, const StandardiseOptions& options) {
  const char* const op = "standardise";
  const int correction = options.correction;
  check_logits(op, logits);
  if (correction != 0 && correction != 1) {
    fail(op, "the correction is 0 or 1, for a σ² by C or by C − 1; got {}", correction);
  }
  const Index rows = logits.dim(0), classes = logits.dim(1);
  if (classes <= correction) {
    fail(op, "a deviation by C − 1 needs two classes at least; logits {}", logits.shape());
  }
  // Calls f(row, its place) for each row, standardised.
  const auto each = [=](const Tensor& x, const auto& f) {
    detail::for_rows(rows, classes, [&](Index begin, Index end) {
      Standard row{std::vector<double>(static_cast<std::size_t>(classes))};
      for (Index at = begin * classes; at < end * classes; at += classes) {
        row.set(x.data() + at, correction);
        f(row, at);
      }
    });
  };
  Tensor y = Tensor::empty(logits.shape());
  each(logits, [p = y.data()](const Standard& row, Index at) {
    std::ranges::transform(row.x, p + at, [](double d) { return static_cast<real>(d); });
  });
  return record(op, y, {logits}, [=](const Tensor& dy) -> Gradients {
    Tensor dx = Tensor::empty(dy.shape());
    each(logits, [=, p = dx.data(), g = dy.data()](const Standard& row, Index at) {
      backward_row(p + at, g + at, row, correction);
    });
    return {dx};
  });
}

Term standardised(Term term, const StandardiseOptions& options) {
  const std::string& what = term.description.empty() ? term.name : term.description;
  term.description =
      fmt::format("standardised({}{})", what, options.correction == 1 ? "" : ", correction=0");
  term.name = "std-" + term.name;
  term.value = [value = std::move(term.value), options](const TermStep& s) {
    const Tensor z = standardise(s.student, options);
    const Tensor v = s.teacher.defined() ? standardise(s.teacher, options) : Tensor();
    return value({.batch = s.batch,
                  .student = z,
                  .teacher = v,
                  .done = s.done,
                  .epoch = s.epoch,
                  .student_taps = s.student_taps,
                  .teacher_taps = s.teacher_taps});
  };
  term.promises.shift_invariant = true;
  return term;
}

}  // namespace limbeck
