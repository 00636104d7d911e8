// Curriculum temperature (CTKD): T is learned, against the student.
//
//   T = 1 + 20 σ(g)        one number g, which begins at 1: T = 15.6
//   loss = T² · mean KL(p ‖ q),   p = softmax(v / T), q = softmax(z / T)
//
// and g is moved by the same optimizer as the student, but by λ times its gradient, with λ from 0
// to −1 over the first ten epochs: λ(e) = ½ (cos(π min(e, E) / E) − 1). Descent by a negative
// multiple is ascent: T goes to where the loss is larger, and the student is given tasks that get
// harder. The gradients:
//   dz = T (q − p) / N
//   dKL/dT = (E_p z − E_q z) / T² − (Var_p v − Cov_p(v, z)) / T³
//   d(T² KL)/dT = 2 T KL + T² dKL/dT
//
// λ is a factor for plain descent (SGD): Adam divides |λ| out and leaves its sign, so that T moves
// at full pace from the first epoch on. An ensemble that averages probabilities (ensemble.h)
// answers this term at T = 1, as T is not known before the step.
//
// It takes a term's weight like any other: 0.1 * labels() + 0.9 * ctkd() in the paper's code. The
// gain that is reported is 0.4 to 0.5 points on CIFAR-100. What to watch: with the factor T² the
// loss often grows with T at any T, and then the adversary pushes T up to its bound of 21 in the
// first epochs. A plot of T by epoch tells; `temperature` of the module has it.
//
// Edges: where student and teacher agree, KL and both gradients are 0, and T stays.
//
// Li et al., "Curriculum Temperature for Knowledge Distillation", AAAI 2023, section 3.
#pragma once

#include "nn/distill/term.h"

namespace limbeck {

// y = x, and backwards dx = factor · dy: with −1 a layer before which everything learns the
// contrary (Ganin and Lempitsky, "Unsupervised Domain Adaptation by Backpropagation", ICML 2015,
// section 3). (…) → (…).
Tensor scale_gradient(const Tensor& x, double factor);

// How T is learned.
struct CtkdOptions {
  double start = 1;   // g at first
  double lowest = 1;  // T for g → −∞; above 0
  double range = 20;  // how much T can be above that
  Index epochs = 10;  // E, over which λ goes from 0 to −1
};

// λ in epoch e, which counts from 1 in a training. Error: E below 1.
double curriculum_factor(Index epoch, Index epochs = 10);

// T² · mean KL(p ‖ q) with T a tensor of one element, which gets its gradient: z (N, C), v (N, C) →
// (). Error: two shapes, or T that is not a positive number.
Tensor ctkd_loss(const Tensor& z, const Tensor& v, const Tensor& temperature);

// g, as a module: of λ, the factor for its gradient, it makes T; both are scalars.
class LearnedTemperature : public Module {
 public:
  explicit LearnedTemperature(const CtkdOptions& options);

  std::string describe() const override { return "LearnedTemperature"; }
  double temperature();  // T as it is now
  void reset();          // g as it was at first

  Tensor g;  // ()

 protected:
  Tensor forward(const Tensor& factor) override;
  void parts(Parts& parts) override { parts("g", g); }

 private:
  CtkdOptions options_;
};

// The same as a term, which owns g.
Term ctkd(const CtkdOptions& options = {});

}  // namespace limbeck
