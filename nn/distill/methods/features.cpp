#include "nn/distill/methods/features.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/shape_ops.h"
#include "core/parallel.h"

namespace limbeck::detail {
namespace {

// A length up to which a row counts as zeros: its direction is rounding, and 1 / ‖x‖ would blow
// its gradient up.
constexpr double no_length = 1e-12;

Index grain_of_rows(Index work_a_row) {
  return elementwise_grain / std::max<Index>(work_a_row, 1) + 1;
}

// ‖a − b‖², in as many sums as a vector has places. (g++ 12 makes no vector code of it within the
// loops over pairs.) In double: cosines are made of differences of such.
[[gnu::noinline]] double squared_distance(const real* a, const real* b, Index d) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (Index k = 0; k < d; ++k) {
    const double gap = static_cast<double>(a[k]) - static_cast<double>(b[k]);
    sum += gap * gap;
  }
  return sum;
}

// sum += w (a − b).
[[gnu::noinline]] void add_difference(double w, const real* a, const real* b, Index d,
                                      double* sum) {
#pragma omp simd
  for (Index k = 0; k < d; ++k) {
    sum[k] += w * (static_cast<double>(a[k]) - static_cast<double>(b[k]));
  }
}

}  // namespace

Term feature_term(const std::string& name, const TapPaths& taps, const std::string& options,
                  std::function<Tensor(const Tensor& student, const Tensor& teacher)> loss) {
  const std::string& teacher = taps.teacher.empty() ? taps.student : taps.teacher;
  return {.name = name,
          .value = [loss = std::move(loss)](
                       const TermStep& s) { return loss(s.student_taps[0], s.teacher_taps[0]); },
          .description = fmt::format("{}({}, {}{}{})", name, taps.student, teacher,
                                     options.empty() ? "" : ", ", options),
          .uses_teacher = false,
          .student_taps = {taps.student},
          .teacher_taps = {teacher},
          .promises = {.never_negative = true, .at_equal = 0}};
}

void check_features(const char* op, const Tensor& student, const Tensor& teacher) {
  const auto fits = [](const Tensor& x) { return x.shape().rank() >= 2 && x.size() > 0; };
  if (!fits(student) || !fits(teacher) || student.dim(0) != teacher.dim(0)) {
    fail(op,
         "features (N, …) of the same images are needed, with at least one number each; the "
         "student's are {} and the teacher's {}",
         student.shape(), teacher.shape());
  }
}

UnitRows::UnitRows(const Tensor& x)
    : rows_(Tensor::empty(x.shape())), lengths_(Tensor::empty({x.dim(0)})) {
  const Index d = x.dim(1);
  parallel_for(x.dim(0), grain_of_rows(d),
               [d, px = x.data(), py = rows_.data(), l = lengths_.data()](Index begin, Index end) {
                 for (Index row = begin; row < end; ++row) {
                   const real* const from = px + row * d;
                   double sum = 0;
                   for (Index j = 0; j < d; ++j) {
                     sum += static_cast<double>(from[j]) * static_cast<double>(from[j]);
                   }
                   const double length = std::sqrt(sum);
                   const double scale = length <= no_length ? 0 : 1 / length;  // NaN stays
                   for (Index j = 0; j < d; ++j) {
                     py[row * d + j] = static_cast<real>(static_cast<double>(from[j]) * scale);
                   }
                   l[row] = static_cast<real>(length);
                 }
               });
}

Tensor UnitRows::gradient(const Tensor& du) const {
  const Index d = rows_.dim(1);
  Tensor dx = Tensor::empty(rows_.shape());
  parallel_for(rows_.dim(0), grain_of_rows(d), [&, px = dx.data()](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      const real* const u = rows_.data() + row * d;
      const real* const g = du.data() + row * d;
      const double length = static_cast<double>(lengths_.data()[row]);
      const double scale = length <= no_length ? 0 : 1 / length;
      double along = 0;
      for (Index j = 0; j < d; ++j) along += static_cast<double>(g[j]) * static_cast<double>(u[j]);
      for (Index j = 0; j < d; ++j) {
        const double across = static_cast<double>(g[j]) - along * static_cast<double>(u[j]);
        px[row * d + j] = static_cast<real>(across * scale);
      }
    }
  });
  return dx;
}

Tensor unit_rows(const Tensor& x) {
  const UnitRows unit(x);
  return record("unit_rows", unit.rows().detach(), {x}, {unit.rows()},
                [unit](const Tensor& dy) -> Gradients { return {unit.gradient(dy)}; });
}

Scratch<double> squared_distances(const Tensor& x) {
  const Index n = x.dim(0), d = x.dim(1);
  Scratch<double> s = Scratch<double>::zeros(n * n);
  parallel_for(n, grain_of_rows(n * d), [n, d, px = x.data(), ps = s.data()](Index from, Index to) {
    for (Index i = from; i < to; ++i) {
      for (Index j = 0; j < i; ++j) {
        ps[i * n + j] = ps[j * n + i] = squared_distance(px + i * d, px + j * d, d);
      }
    }
  });
  return s;
}

// With w = 2 (ds + dsᵀ) it is Σ_j w_ij (x_i − x_j), differences first: for rows that are near w is
// large, and the terms of diag(Σ_j w_ij) x − w x, one product, would cancel.
Tensor distance_gradient(const Tensor& x, const Scratch<double>& ds) {
  const Index n = x.dim(0), d = x.dim(1);
  Tensor dx = Tensor::empty({n, d});
  parallel_for(n, grain_of_rows(n * d), [&, px = x.data(), p = dx.data()](Index from, Index to) {
    std::vector<double> sum(static_cast<std::size_t>(d));
    for (Index i = from; i < to; ++i) {
      std::ranges::fill(sum, 0);
      for (Index j = 0; j < n; ++j) {
        const double w = 2 * (ds.data()[i * n + j] + ds.data()[j * n + i]);
        if (i != j) add_difference(w, px + i * d, px + j * d, d, sum.data());
      }
      std::ranges::transform(sum, p + i * d, [](double g) { return static_cast<real>(g); });
    }
  });
  return dx;
}

Tensor plus_transpose(const Tensor& x) {
  return x + permute(x, {1, 0});
}

}  // namespace limbeck::detail
