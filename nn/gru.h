// GRU: the gated recurrent unit, a layer for sequences.
//
// Letters: N sequences, L steps, D features of a step, H of the state.
#pragma once

#include "core/random.h"
#include "nn/module.h"

namespace limbeck {

// One step. From the step's input x (N, D) and the state h (N, H) the next state, with σ = sigmoid
// and ⊙ element by element:
//   r = σ(W_ir x + b_ir + W_hr h + b_hr)          how much of the old state the new one sees
//   z = σ(W_iz x + b_iz + W_hz h + b_hz)          how much of the old state stays
//   n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn))
//   h' = (1 − z) ⊙ n + z ⊙ h
// Parameters, as PyTorch's GRUCell has and names them: weight_ih (3H, D), weight_hh (3H, H),
// bias_ih and bias_hh (3H), each with the rows of r, z and n one below the other; all begin uniform
// in ±1/√H. Cho et al., "Learning Phrase Representations using RNN Encoder–Decoder for Statistical
// Machine Translation", 2014, section 2.3, where r stands inside the product with W_hn: this form
// lets all products of a state be one. Error: a size below 1.
class GRUCell : public Module {
 public:
  // The sizes of the layer.
  struct Options {
    Index in = 0;      // D
    Index out = 0;     // H
    bool bias = true;  // whether there are b
  };
  GRUCell(const Options& options, Rng& rng);

  // (N, D) and (N, H) → (N, H). Error: x or h of another shape.
  Tensor step(const Tensor& x, const Tensor& h) { return step_from(from_input(x), h); }
  // The same in two halves. The first, W_i x + b_i, needs no state and can be done for many steps
  // in one product: (…, D) → (…, 3H). The second takes it for one step, (N, 3H).
  Tensor from_input(const Tensor& x);
  Tensor step_from(const Tensor& from_x, const Tensor& h);

  std::string describe() const override;
  Index multiply_adds(const Shape& output) const override;

  Tensor weight_ih, weight_hh;  // (3H, D), (3H, H)
  Tensor bias_ih, bias_hh;      // (3H), or undefined

 protected:
  // The step from a state of 0: (N, D) → (N, H).
  Tensor forward(const Tensor& x) override;
  void parts(Parts& parts) override;
};

// The states of all steps, from a state of 0 on: (N, L, D) → (N, L, H). (PyTorch's GRU with one
// layer and batch_first=True, whose names its parameters have: weight_ih_l0, weight_hh_l0, ….)
// Error: a size below 1; in a call, another rank than 3, no steps, another D.
class GRU : public Module {
 public:
  // The sizes of the layer, as GRUCell has them.
  using Options = GRUCell::Options;
  GRU(const Options& options, Rng& rng) : cell(options, rng) {}

  // The same from another state on, (N, H): the last one of the steps before, say.
  Tensor run(const Tensor& x, const Tensor& h);

  std::string describe() const override;
  Index multiply_adds(const Shape& output) const override { return cell.multiply_adds(output); }

  GRUCell cell;  // a step; it has the parameters

 protected:
  Tensor forward(const Tensor& x) override;
  void parts(Parts& parts) override;
};

// The last step of each sequence: (N, L, H) → (N, H), what a classifier wants of a GRU. Error:
// another rank than 3, or no steps.
Tensor last_step(const Tensor& x);

}  // namespace limbeck
