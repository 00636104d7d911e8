#include "nn/export/plain_layers.h"

#include <cmath>
#include <map>
#include <optional>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "nn/export/graph.h"

namespace limbeck {
namespace {

// The ops that are a plain layer each.
const std::map<std::string, PlainKind> kinds = {
    {"linear", PlainKind::linear},       {"conv2d", PlainKind::conv2d},
    {"relu", PlainKind::relu},           {"max_pool2d", PlainKind::max_pool},
    {"avg_pool2d", PlainKind::avg_pool}, {"global_avg_pool2d", PlainKind::global_avg_pool},
    {"reshape", PlainKind::flatten},     {"add", PlainKind::add}};

// y = factor x + shift, channel by channel.
struct Scale {
  Tensor factor, shift;  // (C) each
};

class Collector {
 public:
  explicit Collector(const Graph& graph) : graph_(graph) { places_[graph.input] = 0; }

  std::vector<PlainLayer> layers() {
    for (const GraphOp& op : graph_.ops) {
      const std::optional<Scale> scale = scale_of(op);
      layers_.push_back(scale ? scaling(op, *scale) : plain(op));
      places_[op.output] = layers_.size();
    }
    return std::move(layers_);
  }

 private:
  static PlainKind kind_of(const GraphOp& op) {
    const auto kind = kinds.find(op.op);
    if (kind != kinds.end()) return kind->second;
    refuse_op(
        "export", op,
        "cannot be exported to C; linear, conv2d, relu, max_pool2d, avg_pool2d, "
        "global_avg_pool2d, reshape, batch_norm, sums, and sums and products with constants can");
  }

  // What an op does that only scales and shifts channels: batch_norm by itself, or arithmetic with
  // a constant, as Normalize has it; else none.
  std::optional<Scale> scale_of(const GraphOp& op) const {
    const auto none = [](const Tensor& like) { return Tensor::zeros(like.shape()); };
    if (op.op == "batch_norm") {
      const Tensor eps = Tensor::scalar(static_cast<real>(op.number("eps")));
      const Tensor factor = constant(op, 1) / sqrt(constant(op, 4) + eps);
      return Scale{factor, constant(op, 2) - constant(op, 3) * factor};
    }
    const bool sums = op.op == "add" || op.op == "sub", divides = op.op == "div";
    if (!sums && !divides && op.op != "mul") return std::nullopt;
    const bool first = is_constant(op, 0), second = is_constant(op, 1);
    if (first == second || (divides && first)) return std::nullopt;
    const Tensor by = by_channel(op, first ? 0 : 1);
    const Tensor one = Tensor::full(by.shape(), 1);
    if (op.op == "add") return Scale{one, by};
    if (op.op == "sub") return first ? Scale{-one, by} : Scale{one, -by};
    return Scale{divides ? one / by : by, none(by)};
  }

  // A constant as (C). Error: it is not one number or one a channel.
  Tensor by_channel(const GraphOp& op, std::size_t i) const {
    const Shape image = shape_of(op, op.inputs[1 - i]);
    const Index channels = image.dim(0);
    const Tensor& c = constant(op, i);
    if (c.size() == 1) return Tensor::full({channels}, std::as_const(c).data()[0]);
    const bool fits = c.size() == channels && c.shape().rank() >= image.rank() &&
                      c.dim(c.shape().rank() - image.rank()) == channels;
    if (fits) return c.view({channels});
    refuse_op("export", op,
              fmt::format("has a constant {} beside {}; one number, or one a channel, can be "
                          "exported to C",
                          c.shape(), image));
  }

  // As a convolution of 1 × 1 pixel that leaves channels apart; with one before it, both in one.
  PlainLayer scaling(const GraphOp& op, const Scale& scale) {
    const std::size_t x = is_constant(op, 0) ? 1 : 0;
    PlainLayer layer{.kind = PlainKind::conv2d,
                     .from = {place(op, x)},
                     .in = shape_of(op, op.inputs[x]),
                     .out = shape_of(op, op.output),
                     .name = op.str()};
    layer.groups = layer.in.dim(0);
    Tensor factor = scale.factor, shift = scale.shift;
    const bool follows =
        scaling_ == layers_.size() && layer.from[0] == scaling_ && graph_.uses(op.inputs[x]) == 1;
    if (scaling_ > 0 && follows) {
      const PlainLayer& before = layers_.back();
      shift = factor * before.bias + shift;
      factor = factor * before.weight.view({layer.groups});
      layer.from = before.from;
      layers_.pop_back();
    }
    layer.weight = factor.view({layer.groups, 1, 1, 1});
    layer.bias = shift;
    scaling_ = layers_.size() + 1;
    return layer;
  }

  PlainLayer plain(const GraphOp& op) const {
    const PlainKind kind = kind_of(op);
    const std::size_t from = place(op, 0);
    PlainLayer layer{.kind = kind,
                     .from = {from},
                     .in = shape_of(op, op.inputs[0]),
                     .out = shape_of(op, op.output),
                     .name = op.str()};
    const bool has_weights = layer.kind == PlainKind::linear || layer.kind == PlainKind::conv2d;
    if (layer.kind == PlainKind::add) layer.from.push_back(place(op, 1));
    if (layer.kind == PlainKind::add && shape_of(op, op.inputs[1]) != layer.in) {
      refuse_op("export", op,
                fmt::format("adds {} and {}; only equal shapes can be exported to C", layer.in,
                            shape_of(op, op.inputs[1])));
    }
    if (has_weights) {
      layer.weight = constant(op, 1).clone();
      layer.bias = op.has_input(2) ? constant(op, 2).clone() : Tensor::zeros({layer.weight.dim(0)});
    }
    if (layer.kind == PlainKind::conv2d) {
      layer.groups = op.integer("groups");
    }
    const bool pools = layer.kind == PlainKind::max_pool || layer.kind == PlainKind::avg_pool;
    if (layer.kind == PlainKind::conv2d || pools) {
      detail::check_windows(graph_, op);
      layer.window = {.kernel = detail::kernel_of(graph_, op),
                      .stride = op.size("stride"),
                      .padding = op.size("padding")};
      if (op.has("dilation")) layer.window.dilation = op.size("dilation");
    }
    return layer;
  }

  // The shape of a value for one image.
  Shape shape_of(const GraphOp& op, std::size_t value) const {
    const GraphValue& v = graph_.value(value);
    if (!v.is_of_images()) {
      refuse_op("export", op,
                fmt::format("has a tensor {}, and C code takes one image at a time", v.str()));
    }
    return v.of_one_image();
  }

  // Where its input i comes from.
  std::size_t place(const GraphOp& op, std::size_t i) const {
    const auto found = places_.find(op.inputs[i]);
    if (found != places_.end()) return found->second;
    refuse_op("export", op, "takes a constant where C code takes what layers give");
  }

  bool is_constant(const GraphOp& op, std::size_t i) const {
    return graph_.input_of(op, i).is_constant();
  }

  const Tensor& constant(const GraphOp& op, std::size_t i) const {
    const GraphValue& value = graph_.input_of(op, i);
    if (value.is_constant()) return value.constant;
    refuse_op("export", op, "has weights that are computed from the image");
  }

  const Graph& graph_;
  std::map<std::size_t, std::size_t> places_;  // of the graph's values
  std::vector<PlainLayer> layers_;
  std::size_t scaling_ = 0;  // the place of the last layer that only scales; 0: there is none
};

}  // namespace

std::vector<PlainLayer> plain_layers(Module& network, const Shape& image) {
  const NoGrad no_grad;
  Graph graph = record_graph(network, image);
  fold_batch_norm(graph);
  return Collector(graph).layers();
}

}  // namespace limbeck
