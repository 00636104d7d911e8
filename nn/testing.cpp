#include "nn/testing.h"

#include <functional>

#include "core/ops/reduce.h"
#include "nn/first_step.h"
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
  // Whatever happens, the layer is left as it was.
  struct AtTheEnd {
    std::function<void()> work;
    ~AtTheEnd() { work(); }
  } at_the_end{[&] {
    rewind();
    restore(layer, before);
  }};
  rewind();
  limbeck::detail::check_first_step("gradient_error", sum(layer(input)), leaves);
  const double error = gradient_error_at(
      [&] {
        rewind();
        return layer(input);
      },
      leaves);
  return error;
}

}  // namespace limbeck::testing
