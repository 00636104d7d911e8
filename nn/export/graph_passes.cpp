// Changes to a graph that leave what it computes.
#include <algorithm>
#include <cmath>
#include <set>

#include "nn/export/graph.h"

namespace limbeck {
namespace {

// The op whose result this value is, or null.
GraphOp* maker_of(Graph& graph, std::size_t value) {
  const auto found = std::ranges::find(graph.ops, value, &GraphOp::output);
  return found == graph.ops.end() ? nullptr : &*found;
}

// The tensor as a constant of the graph under this name; returns its place.
std::size_t add_constant(Graph& graph, const Tensor& tensor, const std::string& name) {
  GraphValue value{.dims = {}, .constant = tensor, .name = name};
  for (const Index size : tensor.shape()) value.dims.push_back({size});
  return graph.add(std::move(value));
}

// "0.weight" → "0.bias"
std::string bias_name(const std::string& weight) {
  const std::size_t dot = weight.rfind('.');
  return (dot == std::string::npos ? "" : weight.substr(0, dot + 1)) + "bias";
}

// Whether a batch norm's input is the result of a linear or conv2d that it can become part of.
bool can_fold(const Graph& graph, const GraphOp* before) {
  if (before == nullptr || graph.uses(before->output) != 1) return false;
  const bool sums = before->op == "conv2d" ||
                    (before->op == "linear" && graph.value(before->output).dims.size() == 2);
  const bool constant_bias = !before->has_input(2) || graph.input_of(*before, 2).is_constant();
  return sums && constant_bias && graph.input_of(*before, 1).is_constant();
}

void fold(Graph& graph, const GraphOp& norm, GraphOp& into) {
  const auto statistic = [&](std::size_t i) { return graph.input_of(norm, i).constant.values(); };
  const auto gamma = statistic(1), beta = statistic(2), mean = statistic(3), var = statistic(4);
  const double eps = norm.number("eps");
  Tensor weight = graph.input_of(into, 1).constant.clone();
  Tensor bias =
      into.has_input(2) ? graph.input_of(into, 2).constant.clone() : Tensor::zeros({weight.dim(0)});
  const auto row = weight.values().size() / bias.values().size();
  for (std::size_t c = 0; c < bias.values().size(); ++c) {
    const double scale = gamma[c] / std::sqrt(static_cast<double>(var[c]) + eps);
    for (real& w : weight.values().subspan(c * row, row)) w = static_cast<real>(w * scale);
    real& b = bias.values()[c];
    b = static_cast<real>((static_cast<double>(b) - mean[c]) * scale + beta[c]);
  }
  const std::string name = graph.input_of(into, 1).name;
  into.inputs = {into.inputs[0], add_constant(graph, weight, name),
                 add_constant(graph, bias, bias_name(name))};
  into.output = norm.output;
}

}  // namespace

void detail::remove_unused_ops(Graph& graph) {
  std::set<std::size_t> needed = {graph.output};
  std::vector<GraphOp> kept;
  for (auto op = graph.ops.rbegin(); op != graph.ops.rend(); ++op) {
    if (!needed.contains(op->output)) continue;
    needed.insert(op->inputs.begin(), op->inputs.end());
    kept.push_back(std::move(*op));
  }
  std::ranges::reverse(kept);
  graph.ops = std::move(kept);
}

void detail::split_fused_ops(Graph& graph) {
  std::vector<GraphOp> ops;
  // Puts an op behind the last one, which then gives a value of these sizes.
  const auto append = [&](const std::string& name, std::vector<GraphDim> dims) {
    const std::size_t result = ops.back().output;
    ops.back().output = graph.add({.dims = std::move(dims)});
    ops.push_back(
        {.op = name, .layer = ops.back().layer, .inputs = {ops.back().output}, .output = result});
  };
  for (GraphOp& op : graph.ops) {
    const std::string name = op.op;
    ops.push_back(std::move(op));
    if (name == "linear_relu") {
      ops.back().op = "linear";
      append("relu", graph.value(ops.back().output).dims);
    } else if (name == "conv2d_relu" || name == "conv2d_relu_max_pool") {
      ops.back().op = "conv2d";
      std::vector<GraphDim> dims = graph.value(ops.back().output).dims;
      const Size2d size = detail::windows_of(graph, ops.back());
      dims[2].size = size.height, dims[3].size = size.width;
      append("relu", dims);
      if (name == "conv2d_relu") continue;
      append("max_pool2d", dims);
      ops.back().attributes = {
          {"kernel", Size2d(2)}, {"stride", Size2d(2)}, {"padding", Size2d(0)}};
    }
  }
  graph.ops = std::move(ops);
}

void fold_batch_norm(Graph& graph) {
  for (auto op = graph.ops.begin(); op != graph.ops.end();) {
    const auto is_constant = [&](std::size_t i) { return graph.value(i).is_constant(); };
    const bool has_statistics =
        op->op == "batch_norm" && op->inputs.size() == 5 &&
        std::ranges::all_of(op->inputs.begin() + 1, op->inputs.end(), is_constant);
    GraphOp* const before = has_statistics ? maker_of(graph, op->inputs[0]) : nullptr;
    if (can_fold(graph, before)) {
      fold(graph, *op, *before);
      op = graph.ops.erase(op);
    } else {
      ++op;
    }
  }
}

}  // namespace limbeck
