#include "nn/testing.h"

#include "nn/weights.h"

namespace limbeck::testing {

double gradient_error(Module& layer, const Tensor& x) {
  const State before = state_of(layer);
  std::vector<Rng::State> places;
  const auto generators = layer.named_generators();
  for (const auto& [name, rng] : generators) places.push_back(rng->state());
  const auto rewind = [&] {
    for (std::size_t i = 0; i < places.size(); ++i) generators[i].second->set_state(places[i]);
  };
  const Tensor input = x.clone().requires_grad();
  std::vector<Tensor> leaves = {input};
  for (const Tensor& parameter : layer.parameters()) {
    if (parameter.wants_grad()) leaves.push_back(parameter);
  }
  const double error = gradient_error_at(
      [&] {
        rewind();
        return layer(input);
      },
      leaves);
  rewind();
  restore(layer, before);
  return error;
}

}  // namespace limbeck::testing
