#include "nn/export/c_layers.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace limbeck {
namespace {

Shape as_image(const Shape& shape) {
  if (shape.rank() == 3) return shape;
  return shape.rank() == 2 ? Shape{shape.dim(0), shape.dim(1), 1} : Shape{shape.size(), 1, 1};
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
  if (layer.window.dilation != Size2d(1)) {
    fail("export", "{} has a dilation, and cannot be exported to C", layer.name);
  }
  if (layer.kind == PlainKind::linear && layer.in.rank() != 1) {
    fail("export", "a Linear takes features here, and gets {}; put a Flatten before it", layer.in);
  }
}

}  // namespace

std::vector<PlainLayer> c_layers(Module& network, const Shape& image) {
  std::vector<PlainLayer> layers;
  std::vector<std::size_t> places = {0};  // in the new list, of the image and each layer's result
  for (PlainLayer& layer : plain_layers(network, image)) {
    check(layer);
    for (std::size_t& from : layer.from) from = places[from];
    if (layer.kind == PlainKind::flatten) {
      places.push_back(layer.from[0]);
      continue;
    }
    layer.in = as_image(layer.in);
    layer.out = as_image(layer.out);
    if (layer.kind == PlainKind::global_avg_pool) {
      layer.kind = PlainKind::avg_pool;
      layer.window.kernel = layer.window.stride = {layer.in.dim(1), layer.in.dim(2)};
    }
    layers.push_back(std::move(layer));
    places.push_back(layers.size());
  }
  if (layers.empty()) fail("export", "the network has no layer that computes anything");
  return layers;
}

}  // namespace limbeck
