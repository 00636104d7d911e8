#include "nn/layer_forms.h"

#include "nn/activations.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/dropout.h"
#include "nn/group_norm.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"
#include "nn/pooling.h"

namespace limbeck::detail {
namespace {

using Step = LayerText::Step;

Index number(const Step& step, std::size_t i) {
  return static_cast<Index>(step.numbers[i]);
}

Index key(const Step& step, const char* name, Index otherwise) {
  const auto found = step.keys.find(name);
  return found == step.keys.end() ? otherwise : static_cast<Index>(found->second);
}

// The size of the images that come out of a window.
Shape after(const Shape& image, Index channels, const Window2d& window) {
  const auto [height, width] = output_size("it", image.with_front(1), window);
  return {channels, height, width};
}

void add_convolution(const Step& step, const LayerPlace& place, Index out, Index kernel,
                     Index groups) {
  const Conv2d::Options options{.in = place.shape.dim(0),
                                .out = out,
                                .kernel = kernel,
                                .stride = key(step, "stride", 1),
                                .padding = key(step, "pad", 0),
                                .dilation = key(step, "dilation", 1),
                                .groups = groups,
                                .bias = !step.keys.contains("nobias")};
  const Shape shape = after(place.shape, out,
                            {.kernel = options.kernel,
                             .stride = options.stride,
                             .padding = options.padding,
                             .dilation = options.dilation});
  place.net.add(Conv2d(options, place.rng));
  place.shape = shape;
}

void add_conv(const Step& step, const LayerPlace& place) {
  add_convolution(step, place, number(step, 0), number(step, 1), key(step, "groups", 1));
}

void add_depthwise(const Step& step, const LayerPlace& place) {
  const Index channels = place.shape.dim(0);
  add_convolution(step, place, channels, number(step, 0), channels);
}

template <class Pool>
void add_pool(const Step& step, const LayerPlace& place) {
  Pool pool({.kernel = number(step, 0),
             .stride = key(step, "stride", 0),
             .padding = key(step, "pad", 0)});
  const PoolOptions options = pool.options();
  place.shape =
      after(place.shape, place.shape.dim(0),
            {.kernel = options.kernel, .stride = options.stride, .padding = options.padding});
  place.net.add(std::move(pool));
}

void add_global_pool(const Step&, const LayerPlace& place) {
  place.net.add(GlobalAvgPool2d());
  place.shape = {place.shape.dim(0)};
}

void add_flatten(const Step&, const LayerPlace& place) {
  place.net.add(Flatten());
  place.shape = {place.shape.size()};
}

void add_linear(const Step& step, const LayerPlace& place) {
  const Index out = step.numbers.empty() ? place.classes : number(step, 0);
  place.net.add(Linear(
      {.in = place.shape.dim(0), .out = out, .bias = !step.keys.contains("nobias")}, place.rng));
  place.shape = {out};
}

void add_batch_norm(const Step&, const LayerPlace& place) {
  const BatchNorm::Options options{.channels = place.shape.dim(0)};
  if (place.shape.rank() == 3) {
    place.net.add(BatchNorm2d(options));
  } else {
    place.net.add(BatchNorm1d(options));
  }
}

void add_layer_norm(const Step&, const LayerPlace& place) {
  place.net.add(LayerNorm({.features = place.shape.dim(0)}));
}

void add_group_norm(const Step& step, const LayerPlace& place) {
  place.net.add(GroupNorm({.groups = number(step, 0), .channels = place.shape.dim(0)}));
}

template <class Layer>
void add_plain(const Step&, const LayerPlace& place) {
  place.net.add(Layer());
}

void add_leaky(const Step& step, const LayerPlace& place) {
  place.net.add(step.numbers.empty() ? LeakyReLU() : LeakyReLU(step.numbers[0]));
}

template <class Layer>
void add_dropout(const Step& step, const LayerPlace& place) {
  place.net.add(Layer({.p = step.numbers[0]}, place.rng));
}

}  // namespace

const std::map<std::string, LayerForm, std::less<>>& layer_forms() {
  using enum LayerKind;
  using enum LayerNumbers;
  static const std::map<std::string, LayerForm, std::less<>> table = {
      {"conv",
       {"conv CHANNELS KERNEL [stride S] [pad P] [dilation D] [groups G] [nobias]", image, image, 2,
        2, from_1, "stride pad dilation groups nobias", add_conv}},
      {"depthwise",
       {"depthwise KERNEL [stride S] [pad P] [dilation D] [nobias]", image, image, 1, 1, from_1,
        "stride pad dilation nobias", add_depthwise}},
      {"pool",
       {"pool KERNEL [stride S] [pad P]", image, image, 1, 1, from_1, "stride pad",
        add_pool<MaxPool2d>}},
      {"avgpool",
       {"avgpool KERNEL [stride S] [pad P]", image, image, 1, 1, from_1, "stride pad",
        add_pool<AvgPool2d>}},
      {"globalpool", {"globalpool", image, features, 0, 0, from_1, "", add_global_pool}},
      {"flatten", {"flatten", any, features, 0, 0, from_1, "", add_flatten}},
      {"linear",
       {"linear [UNITS] [nobias]", features, features, 0, 1, from_1, "nobias", add_linear}},
      {"bn", {"bn", any, any, 0, 0, from_1, "", add_batch_norm}},
      {"ln", {"ln", features, features, 0, 0, from_1, "", add_layer_norm}},
      {"gn", {"gn GROUPS", any, any, 1, 1, from_1, "", add_group_norm}},
      {"relu", {"relu", any, any, 0, 0, from_1, "", add_plain<ReLU>}},
      {"leaky", {"leaky [SLOPE]", any, any, 0, 1, all, "", add_leaky}},
      {"silu", {"silu", any, any, 0, 0, from_1, "", add_plain<SiLU>}},
      {"gelu", {"gelu", any, any, 0, 0, from_1, "", add_plain<GELU>}},
      {"sigmoid", {"sigmoid", any, any, 0, 0, from_1, "", add_plain<Sigmoid>}},
      {"tanh", {"tanh", any, any, 0, 0, from_1, "", add_plain<Tanh>}},
      {"dropout", {"dropout P", any, any, 1, 1, below_1, "", add_dropout<Dropout>}},
      {"dropout2d", {"dropout2d P", image, image, 1, 1, below_1, "", add_dropout<Dropout2d>}},
      {"residual", {"residual( LAYERS )", any, any, 0, 0, from_1, "", nullptr}}};
  return table;
}

}  // namespace limbeck::detail
