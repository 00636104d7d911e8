#include "nn/distill/methods/rkd.h"

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/ops/arithmetic.h"
#include "core/ops/shape_ops.h"

namespace limbeck {
namespace {

// h'(x), which is x put into [−1, 1], without a branch; and h(x) = h' (x − h' / 2) by it.
double huber_slope(double x) {
  return (std::abs(x + 1) - std::abs(x - 1)) / 2;
}
double huber(double x, double slope) {
  return slope * (x - slope / 2);
}

constexpr double least_squared = 1e-12;  // of the distance of two images, squared

// The distances of N images.
struct Distances {
  explicit Distances(const Tensor& features)
      : n(features.dim(0)), squared(detail::squared_distances(flatten(features.detach()))) {
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) {
        if (i != j) mean += distance(i, j);
      }
    }
    mean /= static_cast<double>(std::max<Index>(pairs(), 1));
  }

  Index pairs() const { return n * (n - 1); }
  double distance(Index i, Index j) const {
    return std::sqrt(std::max(squared.data()[i * n + j], least_squared));
  }

  Index n;
  Scratch<double> squared;
  double mean = 0;
};

// What the cosines at corner i between j and others are made of: rows i and j of the squared
// distances, and row i of the inverse ones.
struct Ends {
  const double* from_i;
  const double* from_j;
  const double* inverse;
};

// The squared distances of N images and 1 / d of each, which is 0 where d is: a factor of 0 in
// every cosine that would have no sides.
class Sides {
 public:
  explicit Sides(const Tensor& features)
      : n_(features.dim(0)),
        squared_(detail::squared_distances(flatten(features.detach()))),
        inverse_(n_ * n_) {
    std::ranges::transform(squared_.values(), inverse_.data(), [](double squared) {
      return squared <= 1e-24 ? 0 : 1 / std::sqrt(squared);  // NaN stays
    });
  }

  Ends ends(Index i, Index j) const {
    return {squared_.data() + i * n_, squared_.data() + j * n_, inverse_.data() + i * n_};
  }

 private:
  Index n_;
  Scratch<double> squared_, inverse_;
};

// Adds up the loss, times `share`, of the angles at corner i between j and all k < j, and its
// gradient to rows i and j of that for the squared distances.
[[gnu::noinline]] void add_corner(const Ends& s, const Ends& t, Index j, double share,
                                  double& all_loss, double* ds_i, double* ds_j) {
  const double s_ij = s.from_i[j], t_ij = t.from_i[j], si = s.inverse[j], ti = t.inverse[j];
  double loss = 0, ds_ij = 0;
#pragma omp simd reduction(+ : loss, ds_ij)
  for (Index k = 0; k < j; ++k) {
    const double sk = s.inverse[k], w = si * sk / 2;
    const double cosine = (s_ij + s.from_i[k] - s.from_j[k]) * w;
    const double x = cosine - (t_ij + t.from_i[k] - t.from_j[k]) * (ti * t.inverse[k] / 2);
    const double slope = huber_slope(x);
    loss += huber(x, slope);
    ds_ij += slope * (w - cosine * si * si / 2);
    ds_i[k] += share * slope * (w - cosine * sk * sk / 2);
    ds_j[k] -= share * slope * w;
  }
  all_loss += share * loss;
  ds_i[j] += share * ds_ij;
}

// The recorded loss of this value, with its gradient by way of that for the squared distances.
Tensor recorded(const char* op, double loss, const Tensor& student, const Scratch<double>& ds) {
  const Tensor y = Tensor::scalar(static_cast<real>(loss));
  if (!is_recorded(student)) return y;
  const Tensor df = detail::distance_gradient(flatten(student.detach()), ds).view(student.shape());
  return record(op, y, {student}, {}, [df](const Tensor& dy) -> Gradients { return {df * dy}; });
}

}  // namespace

Tensor rkd_distance_loss(const Tensor& student, const Tensor& teacher) {
  constexpr const char* op = "rkd_distance_loss";
  detail::check_features(op, student, teacher);
  const Distances s(student), t(teacher);
  const Index n = s.n;
  const double share = 1 / static_cast<double>(n * n);
  Scratch<double> slopes = Scratch<double>::zeros(n * n);  // h_ij
  double loss = 0, along_mean = 0;                         // along_mean: c
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      if (i == j) continue;
      const double x = s.distance(i, j) / s.mean - t.distance(i, j) / t.mean;
      const double slope = huber_slope(x);
      loss += share * huber(x, slope);
      slopes.data()[i * n + j] = share * slope;
      along_mean += share * slope * s.distance(i, j);
    }
  }
  const double of_mean = along_mean / (s.mean * s.mean * static_cast<double>(s.pairs()));
  Scratch<double> ds = Scratch<double>::zeros(n * n);  // by the square: ∂d/∂(d²) = 1 / 2d
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      if (i == j || s.squared.data()[i * n + j] < least_squared) continue;
      ds.data()[i * n + j] = (slopes.data()[i * n + j] / s.mean - of_mean) / (2 * s.distance(i, j));
    }
  }
  return recorded(op, loss, student, ds);
}

Tensor rkd_angle_loss(const Tensor& student, const Tensor& teacher) {
  constexpr const char* op = "rkd_angle_loss";
  detail::check_features(op, student, teacher);
  const Sides s(student), t(teacher);
  const Index n = student.dim(0);
  const double share = 1 / (static_cast<double>(n) * static_cast<double>(n * n));
  Scratch<double> ds = Scratch<double>::zeros(n * n);
  double loss = 0;
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      if (i == j) continue;
      const Ends of_s = s.ends(i, j), of_t = t.ends(i, j);
      // j and j have the cosine 1, or 0 where they are where i is: there on one of the two sides.
      if ((of_s.inverse[j] == 0) != (of_t.inverse[j] == 0)) loss += share * huber(1, 1);
      add_corner(of_s, of_t, j, 2 * share, loss, ds.data() + i * n, ds.data() + j * n);
    }
  }
  return recorded(op, loss, student, ds);
}

Term rkd_distance(const TapPaths& taps) {
  return detail::feature_term("rkd-distance", taps, "", rkd_distance_loss);
}

Term rkd_angle(const TapPaths& taps) {
  return detail::feature_term("rkd-angle", taps, "", rkd_angle_loss);
}

}  // namespace limbeck
