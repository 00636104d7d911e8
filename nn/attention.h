// Self-attention: tokens that look at one another.
//
// Letters: N images or texts, L tokens of each, D features of a token, h heads.
#pragma once

#include "nn/linear.h"

namespace limbeck {

// Every token asks all tokens of its image a question and takes a mean of their answers, weighted
// by how well their keys fit: softmax(q kᵀ / √d) v, in h heads of d = D / h features each, then a
// linear map: (N, L, D) → (N, L, D). Parts: query, key, value, out, each a Linear(D, D).
// Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.2. Error: h does not divide
// D; in a call, another rank than 3 or other features than D.
class SelfAttention : public Module {
 public:
  // The sizes of the layer.
  struct Options {
    Index features = 0;  // D
    Index heads = 1;     // h
  };
  SelfAttention(const Options& options, Rng& rng);

  std::string describe() const override;  // "SelfAttention(64, 4 heads)"

 protected:
  Tensor forward(const Tensor& x) override;
  void parts(Parts& parts) override;

 private:
  // (N, L, D) → (N, h, L, d)
  Tensor split(const Tensor& x) const;

  Options options_;
  Linear query_, key_, value_, out_;
};

}  // namespace limbeck
