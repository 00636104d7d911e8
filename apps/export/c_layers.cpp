#include "apps/export/c_layers.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace limbeck {
namespace {

Shape as_image(const Shape& shape) {
  return shape.rank() == 1 ? Shape{shape.dim(0), 1, 1} : shape;
}

bool finite(const Tensor& tensor) {
  return std::ranges::all_of(tensor.values(),
                             [](real x) { return std::isfinite(static_cast<float>(x)); });
}

void check(const PlainLayer& layer) {
  if (layer.weight.defined() && !(finite(layer.weight) && finite(layer.bias))) {
    fail("export", "a layer {} → {} has weights that are not finite as floats", layer.in,
         layer.out);
  }
  if (layer.kind == PlainKind::linear && layer.in.rank() != 1) {
    fail("export", "a Linear takes features here, and gets {}; put a Flatten before it", layer.in);
  }
  if (layer.window.dilation != Size2d(1)) {
    fail("export", "a Conv2d with a dilation of {} cannot be written here, where it must be 1",
         layer.window.dilation);
  }
}

}  // namespace

std::vector<PlainLayer> c_layers(Sequential& network, const Shape& image) {
  std::vector<PlainLayer> layers;
  for (PlainLayer& layer : plain_layers(network, image)) {
    check(layer);
    if (layer.kind == PlainKind::flatten) continue;
    layer.in = as_image(layer.in);
    layer.out = as_image(layer.out);
    if (layer.kind == PlainKind::global_avg_pool) {
      layer.kind = PlainKind::avg_pool;
      layer.window.kernel = layer.window.stride = {layer.in.dim(1), layer.in.dim(2)};
    }
    layers.push_back(std::move(layer));
  }
  if (layers.empty()) fail("export", "the network has no layer that computes anything");
  return layers;
}

}  // namespace limbeck
