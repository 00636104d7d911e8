// Embedding: a vector for each of many things that have numbers: words, letters, classes.
#pragma once

#include <cstdint>
#include <span>

#include "core/random.h"
#include "nn/module.h"

namespace limbeck {

// y = the row of the weight that the id says. Parameter: weight (ids, D), which begins normal with
// mean 0 and variance 1, as PyTorch's Embedding does. Its gradient is 0 but for the rows looked up.
//
// Ids are whole numbers, and a layer is called with a tensor of reals. So there are two ways in:
// look_up(), with the integers themselves, and a call like that of other layers, with a tensor
// whose elements are whole numbers, for use in a Sequential. Float tells whole numbers apart up to
// 2²⁴. No gradient goes to ids. Error: a size below 1.
class Embedding : public Module {
 public:
  // The sizes of the layer.
  struct Options {
    Index ids = 0;       // how many: 0 … ids − 1
    Index features = 0;  // D
  };
  Embedding(const Options& options, Rng& rng);

  // M ids → (M, D). Error: one that is not there.
  Tensor look_up(std::span<const std::int32_t> ids);

  std::string describe() const override;  // "Embedding(1000, 64)": ids, features

  Tensor weight;  // (ids, D)

 protected:
  // (…) → (…, D). Error: an element that is no whole number, or not there.
  Tensor forward(const Tensor& x) override;
  void parts(Parts& parts) override { parts("weight", weight); }
};

}  // namespace limbeck
