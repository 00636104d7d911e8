// How ONNX has the ops of the library: a line each where it has the same, a few operators else.
// An op that is not in the table at the end is refused by its name.
#include <algorithm>
#include <numbers>
#include <utility>

#include "nn/export/onnx_builder.h"

namespace limbeck {
namespace {

using Names = std::vector<std::string>;
using Numbers = std::vector<Index>;

// --- sizes and windows ---

std::vector<OnnxAttribute> window(const Size2d& kernel, const GraphOp& op) {
  const Size2d stride = op.size("stride"), padding = op.size("padding");
  return {{"kernel_shape", Numbers{kernel.height, kernel.width}},
          {"strides", Numbers{stride.height, stride.width}},
          // Before the image along both axes, then after it.
          {"pads", Numbers{padding.height, padding.width, padding.height, padding.width}}};
}

std::vector<OnnxAttribute> window_of(const Graph& graph, const GraphOp& op) {
  detail::check_windows(graph, op);
  return window(detail::kernel_of(graph, op), op);
}

std::string conv2d(OnnxBuilder& onnx, const GraphOp& op) {
  std::vector<OnnxAttribute> attributes = window_of(onnx.graph(), op);
  if (op.has("dilation") && op.size("dilation") != Size2d(1)) {
    const auto [height, width] = op.size("dilation");
    attributes.push_back({"dilations", Numbers{height, width}});
  }
  attributes.push_back({"group", op.integer("groups")});
  return onnx.node("Conv", onnx.inputs(op), attributes);
}

std::string max_pool2d(OnnxBuilder& onnx, const GraphOp& op) {
  return onnx.node("MaxPool", onnx.inputs(op), window_of(onnx.graph(), op));
}

std::string avg_pool2d(OnnxBuilder& onnx, const GraphOp& op) {
  std::vector<OnnxAttribute> attributes = window_of(onnx.graph(), op);
  attributes.push_back({"count_include_pad", Index{1}});
  return onnx.node("AveragePool", onnx.inputs(op), attributes);
}

std::string global_avg_pool2d(OnnxBuilder& onnx, const GraphOp& op) {
  const std::string means = onnx.node("GlobalAveragePool", onnx.inputs(op));  // (N, C, 1, 1)
  return onnx.node("Flatten", {means}, {{"axis", Index{1}}});
}

// --- products ---

// The matrices of a value with rows and columns exchanged.
std::string transposed(OnnxBuilder& onnx, const std::string& matrices, std::size_t rank) {
  Numbers axes;
  for (std::size_t i = 0; i < rank; ++i) axes.push_back(static_cast<Index>(i));
  std::swap(axes[rank - 2], axes[rank - 1]);
  return onnx.node("Transpose", {matrices}, {{"perm", axes}});
}

// x Wᵀ + b, of rows (N, D) one operator, of (N, L, D) a product and a sum.
std::string linear(OnnxBuilder& onnx, const GraphOp& op) {
  const Graph& graph = onnx.graph();
  if (graph.input_of(op, 0).dims.size() == 2) {
    return onnx.node("Gemm", onnx.inputs(op), {{"transB", Index{1}}});
  }
  const std::string y =
      onnx.node("MatMul", {onnx.input(op, 0), transposed(onnx, onnx.input(op, 1), 2)});
  return op.has_input(2) ? onnx.node("Add", {y, onnx.input(op, 2)}) : y;
}

std::string matmul(OnnxBuilder& onnx, const GraphOp& op) {
  Names factors = onnx.inputs(op);
  const std::size_t rank = onnx.graph().input_of(op, 0).dims.size();
  if (op.number("transpose_a") != 0) factors[0] = transposed(onnx, factors[0], rank);
  if (op.number("transpose_b") != 0) factors[1] = transposed(onnx, factors[1], rank);
  return onnx.node("MatMul", factors);
}

// --- normalisation ---

std::string batch_norm(OnnxBuilder& onnx, const GraphOp& op) {
  if (op.inputs.size() != 5) {
    refuse_op("export_onnx", op, "takes its statistics from the batch, as in training");
  }
  return onnx.node("BatchNormalization", onnx.inputs(op), {{"epsilon", op.number("eps")}});
}

// (x − μ) / √(σ² + ε) along the last dimension; as one operator it is in operator set 17.
std::string layer_norm(OnnxBuilder& onnx, const GraphOp& op) {
  const auto mean = [&](const std::string& x) {
    return onnx.node("ReduceMean", {x}, {{"axes", Numbers{-1}}, {"keepdims", Index{1}}});
  };
  const std::string x = onnx.input(op, 0);
  const std::string centred = onnx.node("Sub", {x, mean(x)});
  const std::string variance = mean(onnx.node("Mul", {centred, centred}));
  const std::string shifted = onnx.node("Add", {variance, onnx.constant(op.number("eps"), "eps")});
  std::string y = onnx.node("Div", {centred, onnx.node("Sqrt", {shifted})});
  if (op.has_input(1)) y = onnx.node("Mul", {y, onnx.input(op, 1)});
  if (op.has_input(2)) y = onnx.node("Add", {y, onnx.input(op, 2)});
  return y;
}

// --- functions ---

// Of the same name and no attributes.
OnnxMapping same(const std::string& type) {
  return [=](OnnxBuilder& onnx, const GraphOp& op) { return onnx.node(type, onnx.inputs(op)); };
}

std::string square(OnnxBuilder& onnx, const GraphOp& op) {
  return onnx.node("Mul", {onnx.input(op, 0), onnx.input(op, 0)});
}

std::string pow(OnnxBuilder& onnx, const GraphOp& op) {
  return onnx.node("Pow", {onnx.input(op, 0), onnx.constant(op.number("p"), "p")});
}

std::string clamp(OnnxBuilder& onnx, const GraphOp& op) {
  return onnx.node("Clip", {onnx.input(op, 0), onnx.constant(op.number("low"), "low"),
                            onnx.constant(op.number("high"), "high")});
}

std::string leaky_relu(OnnxBuilder& onnx, const GraphOp& op) {
  return onnx.node("LeakyRelu", onnx.inputs(op), {{"alpha", op.number("slope")}});
}

// x Φ(x) = x (1 + erf(x / √2)) / 2; as one operator it is in operator set 20.
std::string gelu(OnnxBuilder& onnx, const GraphOp& op) {
  const std::string x = onnx.input(op, 0);
  const std::string scaled = onnx.node("Div", {x, onnx.constant(std::numbers::sqrt2, "root")});
  const std::string shifted =
      onnx.node("Add", {onnx.node("Erf", {scaled}), onnx.constant(1, "one")});
  const std::string product = onnx.node("Mul", {x, shifted});
  return onnx.node("Mul", {product, onnx.constant(0.5, "half")});
}

// Softmax or LogSoftmax, of x / T.
OnnxMapping softmax(const std::string& type) {
  return [=](OnnxBuilder& onnx, const GraphOp& op) {
    std::string x = onnx.input(op, 0);
    const double t = op.number("temperature");
    if (t != 1) x = onnx.node("Div", {x, onnx.constant(t, "temperature")});
    return onnx.node(type, {x}, {{"axis", Index{-1}}});
  };
}

// --- sums, shapes ---

// Whether a reduction leaves the dimension along which it goes, as 1.
Index keeps(OnnxBuilder& onnx, const GraphOp& op) {
  const auto rank = [&](std::size_t value) { return onnx.graph().value(value).dims.size(); };
  return rank(op.output) == rank(op.inputs[0]) ? 1 : 0;
}

// Of all elements, or along a dimension.
std::string sum(OnnxBuilder& onnx, const GraphOp& op) {
  if (op.has("dim")) {
    return onnx.node("ReduceSum", {onnx.input(op, 0), onnx.integers({op.integer("dim")}, "axes")},
                     {{"keepdims", keeps(onnx, op)}});
  }
  if (!onnx.graph().value(op.output).dims.empty()) {
    refuse_op("export_onnx", op, "does not tell along which dimension it goes");
  }
  return onnx.node("ReduceSum", onnx.inputs(op), {{"keepdims", Index{0}}});
}

// Along a dimension, which in operator set 13 the others have as an attribute.
OnnxMapping along_dim(const std::string& type) {
  return [=](OnnxBuilder& onnx, const GraphOp& op) {
    return onnx.node(type, onnx.inputs(op),
                     {{"axes", Numbers{op.integer("dim")}}, {"keepdims", keeps(onnx, op)}});
  };
}

std::string sum_last(OnnxBuilder& onnx, const GraphOp& op) {
  return onnx.node("ReduceSum", {onnx.input(op, 0), onnx.integers({-1}, "axes")},
                   {{"keepdims", Index{1}}});
}

std::string max_last(OnnxBuilder& onnx, const GraphOp& op) {
  return onnx.node("ReduceMax", onnx.inputs(op), {{"axes", Numbers{-1}}, {"keepdims", Index{1}}});
}

// The dimension of the batch, of which there can be one, is what the others leave over.
std::string reshape(OnnxBuilder& onnx, const GraphOp& op) {
  const std::vector<GraphDim>& to = onnx.graph().value(op.output).dims;
  const GraphDim batch = {1, true};
  const std::vector<GraphDim>& from = onnx.graph().input_of(op, 0).dims;
  if (from == to) return onnx.input(op, 0);
  if (to.size() == 2 && !from.empty() && from[0] == batch && to[0] == batch) {
    return onnx.node("Flatten", onnx.inputs(op), {{"axis", Index{1}}});
  }
  Numbers sizes;
  for (const GraphDim& dim : to) sizes.push_back(dim.of_batch ? -1 : dim.size);
  if (std::ranges::count(sizes, -1) > 1) {
    refuse_op("export_onnx", op, "has two dimensions that grow with the batch");
  }
  return onnx.node("Reshape", {onnx.input(op, 0), onnx.integers(sizes, "shape")});
}

std::string permute(OnnxBuilder& onnx, const GraphOp& op) {
  Numbers axes;
  for (const double axis : op.numbers("axes")) axes.push_back(static_cast<Index>(axis));
  return onnx.node("Transpose", onnx.inputs(op), {{"perm", axes}});
}

std::string slice_rows(OnnxBuilder& onnx, const GraphOp& op) {
  return onnx.node("Slice", {onnx.input(op, 0), onnx.integers({op.integer("begin")}, "starts"),
                             onnx.integers({op.integer("end")}, "ends")});
}

std::string concat_rows(OnnxBuilder& onnx, const GraphOp& op) {
  return onnx.node("Concat", onnx.inputs(op), {{"axis", Index{0}}});
}

std::string slice(OnnxBuilder& onnx, const GraphOp& op) {
  return onnx.node("Slice", {onnx.input(op, 0), onnx.integers({op.integer("begin")}, "starts"),
                             onnx.integers({op.integer("end")}, "ends"),
                             onnx.integers({op.integer("dim")}, "axes")});
}

std::string concat(OnnxBuilder& onnx, const GraphOp& op) {
  return onnx.node("Concat", onnx.inputs(op), {{"axis", op.integer("dim")}});
}

std::string pad(OnnxBuilder& onnx, const GraphOp& op) {
  const std::size_t rank = onnx.graph().input_of(op, 0).dims.size();
  const auto dim = static_cast<std::size_t>(op.integer("dim"));
  Numbers pads(2 * rank, 0);
  pads[dim] = op.integer("before");
  pads[rank + dim] = op.integer("after");
  return onnx.node("Pad", {onnx.input(op, 0), onnx.integers(pads, "pads"),
                           onnx.constant(op.number("value"), "value")});
}

// --- choices: masks are of floats here and of truths there ---

constexpr Index onnx_float = 1, onnx_bool = 9;  // TensorProto.DataType

std::string as_floats(OnnxBuilder& onnx, const std::string& truths) {
  return onnx.node("Cast", {truths}, {{"to", onnx_float}});
}

OnnxMapping comparison(const std::string& type) {
  return [=](OnnxBuilder& onnx, const GraphOp& op) {
    return as_floats(onnx, onnx.node(type, onnx.inputs(op)));
  };
}

std::string not_equal(OnnxBuilder& onnx, const GraphOp& op) {
  return as_floats(onnx, onnx.node("Not", {onnx.node("Equal", onnx.inputs(op))}));
}

// (A mask of NaN gives NaN here, and counts as true there.)
std::string where(OnnxBuilder& onnx, const GraphOp& op) {
  const std::string mask = onnx.node("Cast", {onnx.input(op, 0)}, {{"to", onnx_bool}});
  return onnx.node("Where", {mask, onnx.input(op, 1), onnx.input(op, 2)});
}

// --- larger images ---

std::string conv_transpose2d(OnnxBuilder& onnx, const GraphOp& op) {
  const std::vector<GraphDim>& weight = onnx.graph().input_of(op, 1).dims;
  std::vector<OnnxAttribute> attributes = window({weight[2].size, weight[3].size}, op);
  const auto [height, width] = op.size("output_padding");
  attributes.push_back({"output_padding", Numbers{height, width}});
  return onnx.node("ConvTranspose", onnx.inputs(op), attributes);
}

// (The second input of Resize, a region, is left out.)
OnnxMapping resize(const std::string& mode, const std::string& centres) {
  return [=](OnnxBuilder& onnx, const GraphOp& op) {
    const auto [height, width] = op.size("scale");
    const Tensor scales = Tensor::from(
        {4}, std::vector<real>{1, 1, static_cast<real>(height), static_cast<real>(width)});
    std::vector<OnnxAttribute> attributes = {{"mode", mode},
                                             {"coordinate_transformation_mode", centres}};
    if (mode == "nearest") attributes.push_back({"nearest_mode", "floor"});
    return onnx.node("Resize", {onnx.input(op, 0), "", onnx.constant(scales, "scales")},
                     attributes);
  };
}

}  // namespace

const OnnxMappings& detail::onnx_operators() {
  static const OnnxMappings table = {
      {"add", same("Add")},
      {"sub", same("Sub")},
      {"mul", same("Mul")},
      {"div", same("Div")},
      {"neg", same("Neg")},
      {"maximum", same("Max")},
      {"minimum", same("Min")},
      {"relu", same("Relu")},
      {"sigmoid", same("Sigmoid")},
      {"tanh", same("Tanh")},
      {"exp", same("Exp")},
      {"log", same("Log")},
      {"sqrt", same("Sqrt")},
      {"abs", same("Abs")},
      {"square", square},
      {"pow", pow},
      {"clamp", clamp},
      {"leaky_relu", leaky_relu},
      {"gelu", gelu},
      {"softmax", softmax("Softmax")},
      {"log_softmax", softmax("LogSoftmax")},
      {"linear", linear},
      {"matmul", matmul},
      {"batched_matmul", matmul},
      {"conv2d", conv2d},
      {"max_pool2d", max_pool2d},
      {"avg_pool2d", avg_pool2d},
      {"global_avg_pool2d", global_avg_pool2d},
      {"batch_norm", batch_norm},
      {"layer_norm", layer_norm},
      {"sum", sum},
      {"sum_last", sum_last},
      {"max_last", max_last},
      {"reshape", reshape},
      {"permute", permute},
      {"slice_rows", slice_rows},
      {"concat_rows", concat_rows},
      {"slice", slice},
      {"concat", concat},
      {"pad", pad},
      {"max", along_dim("ReduceMax")},
      {"log_sum_exp", along_dim("ReduceLogSumExp")},
      {"greater", comparison("Greater")},
      {"greater_equal", comparison("GreaterOrEqual")},
      {"less", comparison("Less")},
      {"less_equal", comparison("LessOrEqual")},
      {"equal", comparison("Equal")},
      {"not_equal", not_equal},
      {"where", where},
      {"conv_transpose2d", conv_transpose2d},
      {"upsample_nearest", resize("nearest", "asymmetric")},
      {"upsample_bilinear", resize("linear", "half_pixel")},
  };
  return table;
}

}  // namespace limbeck
