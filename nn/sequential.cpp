#include "nn/sequential.h"

#include <span>

#include "core/error.h"
#include "core/ops/convolution.h"
#include "core/ops/matmul.h"
#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/output_watch.h"
#include "nn/pooling.h"

namespace limbeck {
namespace {

using Layers = std::span<const std::unique_ptr<Module>>;

// Layer i as what it exactly is, or null: also where somebody wants its own output.
template <class Layer>
Layer* at(Layers layers, std::size_t i) {
  return i < layers.size() && !is_watched(*layers[i]) ? exactly<Layer>(*layers[i]) : nullptr;
}

struct Output {
  std::size_t layers;  // of which it is, from the first on
  Tensor y;
};

// The table of layers that one op computes in one pass over memory; any other layer by itself.
Output forward_fused(Layers layers, const Tensor& x) {
  if (at<ReLU>(layers, 1) != nullptr) {
    if (const auto* const first = at<Linear>(layers, 0)) {
      return {2, linear(x, first->weight, first->bias, {.relu = true})};
    }
    if (const auto* const first = at<Conv2d>(layers, 0)) {
      const auto* const pool = at<MaxPool2d>(layers, 2);
      const bool pools = pool != nullptr && pool->options().kernel == 2 &&
                         pool->options().stride == 2 && pool->options().padding == 0;
      return {pools ? 3U : 2U, conv2d(x, first->weight, first->bias,
                                      {.stride = first->options().stride,
                                       .padding = first->options().padding,
                                       .dilation = first->options().dilation,
                                       .groups = first->options().groups,
                                       .after = pools ? After::relu_max_pool : After::relu})};
    }
  }
  return {1, (*layers[0])(x)};
}

}  // namespace

Module& Sequential::operator[](std::size_t i) {
  if (i >= size()) fail("Sequential", "layer {} asked of {}", i, size());
  return *layers_[i];
}

Sequential& Sequential::insert(std::size_t i, std::unique_ptr<Module> layer) {
  layers_.insert(layers_.begin() + static_cast<std::ptrdiff_t>(i), std::move(layer));
  for (; i < size(); ++i) {
    const std::string position = std::to_string(i);
    layers_[i]->set_name(name().empty() ? position : name() + "." + position);
  }
  return *this;
}

Tensor Sequential::forward(const Tensor& x) {
  Output output{.layers = 0, .y = x};
  for (Layers rest(layers_); !rest.empty(); rest = rest.subspan(output.layers)) {
    const LayerScope scope(rest[0]->layer_name());
    output = forward_fused(rest, output.y);
  }
  return output.y;
}

}  // namespace limbeck
