#include "nn/export/plain_layers.h"

#include <map>

#include "core/error.h"
#include "nn/export/graph.h"

namespace limbeck {
namespace {

// The ops that are a plain layer each.
const std::map<std::string, PlainKind> kinds = {
    {"linear", PlainKind::linear},       {"conv2d", PlainKind::conv2d},
    {"relu", PlainKind::relu},           {"max_pool2d", PlainKind::max_pool},
    {"avg_pool2d", PlainKind::avg_pool}, {"global_avg_pool2d", PlainKind::global_avg_pool},
    {"reshape", PlainKind::flatten},     {"add", PlainKind::add}};

class Collector {
 public:
  explicit Collector(const Graph& graph) : graph_(graph) { places_[graph.input] = 0; }

  std::vector<PlainLayer> layers() {
    for (const GraphOp& op : graph_.ops) {
      layers_.push_back(plain(op));
      places_[op.output] = layers_.size();
    }
    return std::move(layers_);
  }

 private:
  static PlainKind kind_of(const GraphOp& op) {
    if (op.op == "batch_norm") {
      refuse_op("export", op,
                "must follow a Linear or a Conv2d at once, whose result nothing else takes");
    }
    const auto kind = kinds.find(op.op);
    if (kind != kinds.end()) return kind->second;
    refuse_op("export", op,
              "cannot be exported to C; linear, conv2d, relu, max_pool2d, avg_pool2d, "
              "global_avg_pool2d, reshape, add and batch_norm can");
  }

  PlainLayer plain(const GraphOp& op) const {
    PlainLayer layer{.kind = kind_of(op),
                     .in = shape_of(op, op.inputs[0]),
                     .out = shape_of(op, op.output),
                     .name = op.str()};
    const bool has_weights = layer.kind == PlainKind::linear || layer.kind == PlainKind::conv2d;
    layer.from = {place(op, 0)};
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
      if (op.has("dilation") && op.size("dilation") != Size2d(1)) {
        refuse_op("export", op, "has a dilation, and cannot be exported to C");
      }
      layer.groups = op.integer("groups");
    }
    const bool pools = layer.kind == PlainKind::max_pool || layer.kind == PlainKind::avg_pool;
    if (layer.kind == PlainKind::conv2d || pools) {
      detail::check_windows(graph_, op);
      layer.window = {.kernel = detail::kernel_of(graph_, op),
                      .stride = op.size("stride"),
                      .padding = op.size("padding")};
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

  const Tensor& constant(const GraphOp& op, std::size_t i) const {
    const GraphValue& value = graph_.input_of(op, i);
    if (value.is_constant()) return value.constant;
    refuse_op("export", op, "has weights that are computed from the image");
  }

  const Graph& graph_;
  std::map<std::size_t, std::size_t> places_;  // of the graph's values
  std::vector<PlainLayer> layers_;
};

}  // namespace

std::vector<PlainLayer> plain_layers(Module& network, const Shape& image) {
  Graph graph = record_graph(network, image);
  fold_batch_norm(graph);
  return Collector(graph).layers();
}

}  // namespace limbeck
