#include "apps/export/plain_layers.h"

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/error.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/pooling.h"

namespace limbeck {
namespace {

Tensor bias_or_zeros(const Tensor& bias, Index size) {
  return bias.defined() ? bias.clone() : Tensor::zeros({size});
}

void fold(const BatchNorm& norm, PlainLayer& into) {
  const Index row = into.weight.size() / into.weight.dim(0);
  for (Index c = 0; c < into.weight.dim(0); ++c) {
    const auto i = static_cast<std::size_t>(c);
    const double scale = norm.weight.values()[i] /
                         std::sqrt(static_cast<double>(norm.running_var.values()[i]) + norm.eps());
    for (real& w : into.weight.values().subspan(i * static_cast<std::size_t>(row),
                                                static_cast<std::size_t>(row))) {
      w = static_cast<real>(w * scale);
    }
    real& b = into.bias.values()[i];
    b = static_cast<real>((static_cast<double>(b) - norm.running_mean.values()[i]) * scale +
                          norm.bias.values()[i]);
  }
}

class Collector {
 public:
  explicit Collector(const Shape& image) : x_(Tensor::zeros(image.with_front(1))) {}

  void add(Sequential& network, const std::string& prefix) {
    for (std::size_t i = 0; i < network.size(); ++i) {
      const std::string place = prefix + std::to_string(i);
      if (auto* const inner = exactly<Sequential>(network[i])) {
        add(*inner, place + ".");
      } else {
        add(network[i], place);
      }
    }
  }
  std::vector<PlainLayer> take() { return std::move(layers_); }

 private:
  void add(Module& module, const std::string& place) {
    if (is_exactly<Dropout>(module) || is_exactly<Dropout2d>(module)) return;
    if (is_exactly<BatchNorm1d>(module) || is_exactly<BatchNorm2d>(module)) {
      const auto& norm = static_cast<const BatchNorm&>(module);
      const bool foldable = !layers_.empty() && layers_.back().weight.defined();
      if (!foldable) refuse(module, place, "it must follow a Linear or a Conv2d at once");
      fold(norm, layers_.back());
      return;
    }
    PlainLayer layer = plain(module, place);
    layer.in = x_.shape().without_front();
    x_ = module(x_);
    layer.out = x_.shape().without_front();
    layers_.push_back(std::move(layer));
  }

  static PlainLayer plain(Module& module, const std::string& place) {
    if (const auto* const linear = exactly<Linear>(module)) {
      return {.kind = PlainKind::linear,
              .weight = linear->weight.clone(),
              .bias = bias_or_zeros(linear->bias, linear->weight.dim(0))};
    }
    if (const auto* const conv = exactly<Conv2d>(module)) {
      const auto& o = conv->options();
      return {.kind = PlainKind::conv2d,
              .weight = conv->weight.clone(),
              .bias = bias_or_zeros(conv->bias, o.out),
              .window = {.kernel = o.kernel,
                         .stride = o.stride,
                         .padding = o.padding,
                         .dilation = o.dilation},
              .groups = o.groups};
    }
    const auto pooling = [](PlainKind kind, const PoolOptions& o) -> PlainLayer {
      return {.kind = kind,
              .window = {.kernel = o.kernel, .stride = o.stride, .padding = o.padding}};
    };
    if (const auto* const pool = exactly<MaxPool2d>(module)) {
      return pooling(PlainKind::max_pool, pool->options());
    }
    if (const auto* const pool = exactly<AvgPool2d>(module)) {
      return pooling(PlainKind::avg_pool, pool->options());
    }
    if (is_exactly<GlobalAvgPool2d>(module)) {
      return {.kind = PlainKind::global_avg_pool};
    }
    if (is_exactly<ReLU>(module)) return {.kind = PlainKind::relu};
    if (is_exactly<Flatten>(module)) return {.kind = PlainKind::flatten};
    refuse(module, place,
           "Linear, Conv2d, ReLU, MaxPool2d, AvgPool2d, GlobalAvgPool2d, Flatten, Dropout and "
           "batch norm can be");
  }

  [[noreturn]] static void refuse(const Module& module, const std::string& place,
                                  const std::string& rule) {
    fail("export", "layer {}, {}, cannot be exported; {}", place, module.describe(), rule);
  }

  Tensor x_;  // an image on its way through
  std::vector<PlainLayer> layers_;
};

}  // namespace

std::vector<PlainLayer> plain_layers(Sequential& network, const Shape& image) {
  const NoGrad no_grad;
  const EvalMode eval_mode(network);
  Collector collector(image);
  collector.add(network, "");
  return collector.take();
}

}  // namespace limbeck
