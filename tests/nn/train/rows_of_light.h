// A dataset that a small network learns in a blink, for tests of training.
#pragma once

#include "data/dataset.h"
#include "nn/module.h"
#include "tests/testing.h"

namespace limbeck::testing {

// n images of 4 × 4 in four classes: image i is of class i mod 4, whose row is lit, over noise.
inline Dataset rows_of_light(Index n, std::uint64_t seed) {
  Rng rng(seed);
  Dataset data{.image = {1, 4, 4}, .classes = 4, .pixels = {}, .class_ids = {}};
  for (Index i = 0; i < n; ++i) {
    const Index lit = i % 4;
    for (Index pixel = 0; pixel < 16; ++pixel) {
      const Index light = pixel / 4 == lit ? 100 : 0;
      data.pixels.push_back(static_cast<std::uint8_t>(light + rng.below(150)));
    }
    data.class_ids.push_back(static_cast<std::int32_t>(lit));
  }
  return data;
}

// A copy of all parameters, and whether two such copies have the same bits.
inline std::vector<Tensor> weights_of(const Module& model) {
  std::vector<Tensor> copies;
  for (const Tensor& parameter : model.parameters()) copies.push_back(parameter.clone());
  return copies;
}
inline bool same_weights(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  return std::ranges::equal(a, b, same_bits);
}

}  // namespace limbeck::testing
