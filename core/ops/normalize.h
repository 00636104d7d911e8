// Normalisation: values brought to mean 0 and variance 1, then scaled and shifted by what is
// learned,
//   y = γ x̂ + β,   x̂ = (x − μ) / √(σ² + ε)
// They differ in what μ and σ² are taken over. All sums are kept in double, and are the same from
// run to run.
#pragma once

#include "core/tensor.h"

namespace limbeck {

// How batch_norm takes its statistics, and how it moves the running ones.
struct BatchNormOptions {
  bool training = true;   // by the batch; else by the running statistics
  double momentum = 0.1;  // the share of the new in the running statistics
  double eps = 1e-5;      // ε
};

// Over the batch: μ and σ² of a channel are those of its n values in the whole batch, for x (N, C)
// or (N, C, …), images (N, C, H, W) among them. γ, β and the running statistics are (C).
// Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
// Covariate Shift", 2015, algorithms 1 and 2.
//
// In training:  σ² = Σ (x − μ)² / n, and the running statistics move towards those of the batch,
//   running ← (1 − momentum) running + momentum · new,   where the new variance is Σ (x − μ)²/(n−1)
//   dβ = Σ dy    dγ = Σ dy x̂    dx = γ / √(σ² + ε) · (dy − dβ / n − x̂ dγ / n)
// Else μ and σ² are the running statistics, and these do not depend on x:
//   dβ = Σ dy    dγ = Σ dy x̂    dx = γ / √(σ² + ε) · dy
// Where several processes share a batch and its statistics (core/batch_share.h), μ, σ², n and the
// means in dx are those of the whole batch; dβ and dγ are of this process's rows.
// Error: x of rank below 2, a parameter or statistic of another shape than (C), a momentum outside
// [0, 1], eps below 0, or fewer than two values a channel in training, where σ² would be 0.
Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, Tensor& running_mean,
                  Tensor& running_var, const BatchNormOptions& options);

// Along the last dimension: μ and σ² = Σ (x − μ)² / D of each row. x (…, D), γ and β (D), or
// undefined for 1 and 0.
//   dβ = Σ dy and dγ = Σ dy x̂ over the rows;   with g = γ dy and means along the row,
//   dx = (g − mean g − x̂ · mean(g x̂)) / √(σ² + ε)
// Ba, Kiros and Hinton, "Layer Normalization", 2016, section 3.
// Error: a scalar, D = 0, γ or β of another shape than (D), or eps below 0.
Tensor layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, double eps = 1e-5);

// Over each image's groups of channels: the C channels of x (N, C, …) fall into `groups` parts that
// follow one another, and μ and σ² are those of all values of a part in one image. γ and β (C), a
// channel each, or undefined. One group is a layer norm of the whole image; C groups are instance
// normalisation: Ulyanov, Vedaldi and Lempitsky, 2016.
// Wu and He, "Group Normalization", 2018, section 3.
// Error: x of rank below 2 or without values, groups that do not divide C, γ or β of another shape
// than (C), or eps below 0.
Tensor group_norm(const Tensor& x, Index groups, const Tensor& gamma, const Tensor& beta,
                  double eps = 1e-5);
Tensor instance_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, double eps = 1e-5);

namespace detail {

// Error, in the name of `op`: v has another shape than (size).
void check_vector(const char* op, const char* name, const Tensor& v, Index size, const Shape& x);
// Error, in the name of `op`: eps is below 0.
void check_eps(const char* op, double eps);

}  // namespace detail
}  // namespace limbeck
