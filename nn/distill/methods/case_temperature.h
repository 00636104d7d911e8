// kd_by_case: kd (kd.h) with a temperature for each image, made from both answers and constant in
// the gradient.
//
//   kd_by_case = mean of T_n² KL(p_n ‖ q_n)      dz_n = T_n (q_n − p_n) / N, p and q at T_n
//   T_n = max(T + β (mean(w) − w_n), least)
//
//   agreement   w_n = (1 − cos(z_n, v_n))^γ: a low T where student and teacher still differ, so
//               that it learns the teacher's decision first, and a high one where they agree
//   confidence  w_n = (1 / max softmax(z_n))^γ: a low T where the student is not yet sure
//
// z, v (N, C); no labels. Source: TextBrewer (Yang et al., ACL 2020, demonstrations), whose
// schedulers of temperature "flsw" and "cwsm" these are. Defaults: T = 4, β = γ = 1, theirs; they
// have no `least`: with a larger β, or many classes, T_n would reach 0.
//
// When: images of very different difficulty. A weighting of images comes with it, by T_n². The mean
// of w is the batch's, so the value depends on it a little. Logits of 0 have no direction: their
// cosine is taken as 0.
#pragma once

#include "nn/distill/term.h"

namespace limbeck {

// By what a case's temperature is chosen.
enum class CaseRule { agreement, confidence };

// How, and how much.
struct CaseTemperatureOptions {
  CaseRule rule = CaseRule::agreement;  // what makes w
  Varying temperature = 4;              // T > 0
  double beta = 1;                      // β
  double gamma = 1;                     // γ, at least 0
  double least = 1;                     // of all T_n, above 0
};

// T_n for each case: z (N, C), v (N, C) → N numbers, with T as where `done` of the training is
// over. Error: other shapes, options out of range.
std::vector<double> case_temperatures(const Tensor& z, const Tensor& v,
                                      const CaseTemperatureOptions& options = {}, double done = 0);

// The mean of T_n² KL at temperatures of one's own: z (N, C), v (N, C), N temperatures → (). Error:
// other shapes, a temperature that is not a positive number, another number of them.
Tensor kd_by_case_loss(const Tensor& z, const Tensor& v, std::span<const double> temperatures);
// A term of both.
Term kd_by_case(const CaseTemperatureOptions& options = {});

}  // namespace limbeck
