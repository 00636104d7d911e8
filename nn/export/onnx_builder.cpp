#include "nn/export/onnx_builder.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/files/file.h"
#include "core/files/protobuf.h"

namespace limbeck {
namespace {

using namespace protobuf;

constexpr const char* op_name = "export_onnx";
constexpr Index float_type = 1, int64_type = 7;  // TensorProto.DataType

// --- messages of onnx.proto, by the numbers of their fields there ---

std::string tensor_proto(std::span<const Index> dims, Index type, std::string_view raw) {
  std::string bytes;
  for (const Index dim : dims) bytes += integer(1, dim);
  return bytes + integer(2, type) + sized(9, raw);
}

std::string attribute_proto(const OnnxAttribute& attribute) {
  constexpr Index is_float = 1, is_int = 2, is_string = 3,
                  is_ints = 7;  // AttributeProto.AttributeType
  std::string bytes = sized(1, attribute.name);
  if (const auto* const number = std::get_if<Index>(&attribute.value)) {
    return bytes + integer(3, *number) + integer(20, is_int);
  }
  if (const auto* const number = std::get_if<double>(&attribute.value)) {
    return bytes + floating(2, static_cast<float>(*number)) + integer(20, is_float);
  }
  if (const auto* const word = std::get_if<std::string>(&attribute.value)) {
    return bytes + sized(4, *word) + integer(20, is_string);
  }
  for (const Index number : std::get<std::vector<Index>>(attribute.value)) {
    bytes += integer(8, number);
  }
  return bytes + integer(20, is_ints);
}

// An input or output of the graph: floats of these sizes.
std::string value_proto(const std::string& name, const std::vector<GraphDim>& dims) {
  std::string shape;
  for (const auto& [size, of_batch] : dims) {
    const std::string times = size == 1 ? "" : fmt::format("{}", size);
    shape += sized(1, of_batch ? sized(2, times + "N") : integer(1, size));
  }
  return sized(1, name) + sized(2, sized(1, integer(1, float_type) + sized(2, shape)));
}

// A constant that no node has taken yet goes by its place in the list.
constexpr char unnamed = '?';

// "student.2.weight" → "weight"
std::string role_of(const GraphValue& value) {
  return value.name.empty() ? "constant" : value.name.substr(value.name.rfind('.') + 1);
}

void check_weights(const GraphOp& op, const GraphValue& value) {
  if (value.name.empty()) return;  // a number in the code may be infinite
  for (const real x : value.constant.values()) {
    if (std::isfinite(static_cast<float>(x))) continue;
    refuse_op(op_name, op,
              fmt::format("takes {}, of shape {}, which holds {}; only weights that are finite as "
                          "floats can be exported",
                          value.name, value.constant.shape(), x));
  }
}

}  // namespace

OnnxBuilder::OnnxBuilder(const Graph& graph) : graph_(graph) {
  names_[graph.input] = "images";
  made_.insert("images");
}

std::string OnnxBuilder::input(const GraphOp& op, std::size_t i) {
  const GraphValue& value = graph_.input_of(op, i);
  const auto [entry, is_new] = names_.emplace(op.inputs[i], "");
  if (!is_new) return entry->second;
  check_weights(op, value);
  const bool repeats = std::ranges::any_of(value.dims, &GraphDim::of_batch);
  entry->second =
      repeats ? repeated(value, role_of(value)) : constant(value.constant, role_of(value));
  return entry->second;
}

std::vector<std::string> OnnxBuilder::inputs(const GraphOp& op) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    if (op.has_input(i)) names.push_back(input(op, i));
  }
  return names;
}

// One of the batch repeated N times, N being the first dimension of the images.
std::string OnnxBuilder::repeated(const GraphValue& value, const std::string& role) {
  const std::string all = node("Shape", {"images"});
  std::string count = node("Slice", {all, integers({0}, "starts"), integers({1}, "ends")});
  if (value.dims[0].size != 1) {
    count = node("Mul", {count, integers({value.dims[0].size}, "times")});
  }
  std::vector<Index> rest;
  for (std::size_t i = 1; i < value.dims.size(); ++i) rest.push_back(value.dims[i].size);
  const std::string shape = node("Concat", {count, integers(rest, "sizes")}, {{"axis", Index{0}}});
  return node("Expand", {constant(value.constant, role), shape});
}

std::string OnnxBuilder::node(const std::string& type, const std::vector<std::string>& inputs,
                              const std::vector<OnnxAttribute>& attributes) {
  const std::string name = fmt::format("{}_{}", type, nodes_.size());
  Node node{
      .type = type, .name = name, .output = name + "_out", .inputs = {}, .attributes = attributes};
  for (const std::string& value : inputs) {
    const bool made = value.empty() || value.starts_with(unnamed) || made_.contains(value);
    if (!made) fail(op_name, "{} takes \"{}\", which no node gives", name, value);
    node.inputs.push_back(named(value, name));
  }
  made_.insert(node.output);
  nodes_.push_back(std::move(node));
  return nodes_.back().output;
}

std::string OnnxBuilder::placeholder(const std::string& role, std::string bytes) {
  constants_.push_back({.name = "", .role = role, .bytes = std::move(bytes)});
  return fmt::format("{}{}", unnamed, constants_.size() - 1);
}

// A value's name, which a constant gets from the first node that takes it.
std::string OnnxBuilder::named(const std::string& value, const std::string& node) {
  if (!value.starts_with(unnamed)) return value;
  Constant& constant = constants_[std::stoul(value.substr(1))];
  if (constant.name.empty()) {
    constant.name = node + "_" + constant.role;
    while (!constant_names_.insert(constant.name).second) constant.name += "_";
  }
  return constant.name;
}

std::string OnnxBuilder::constant(const Tensor& values, const std::string& role) {
  std::vector<float> floats;
  floats.reserve(values.values().size());
  for (const real x : values.values()) {
    if (overflows<float>(x)) fail(op_name, "{} is beyond the range of a float", x);
    floats.push_back(static_cast<float>(x));
  }
  const Shape& shape = values.shape();
  const std::string_view raw(reinterpret_cast<const char*>(floats.data()),
                             floats.size() * sizeof(float));
  return placeholder(role, tensor_proto({shape.begin(), shape.end()}, float_type, raw));
}

std::string OnnxBuilder::constant(double value, const std::string& role) {
  return constant(Tensor::scalar(static_cast<real>(value)), role);
}

std::string OnnxBuilder::integers(const std::vector<Index>& values, const std::string& role) {
  const auto size = static_cast<Index>(values.size());
  const std::string_view raw(reinterpret_cast<const char*>(values.data()),
                             values.size() * sizeof(Index));
  return placeholder(role, tensor_proto({&size, 1}, int64_type, raw));
}

void OnnxBuilder::add_ops(const OnnxMappings& own) {
  for (const GraphOp& op : graph_.ops) {
    const OnnxMappings& known = own.contains(op.op) ? own : detail::onnx_operators();
    const auto mapping = known.find(op.op);
    if (mapping == known.end()) {
      refuse_op(op_name, op,
                "is no op that is known here; say how ONNX has it: OnnxOptions::mappings");
    }
    names_[op.output] = mapping->second(*this, op);
  }
}

void OnnxBuilder::rename(const std::string& from, const std::string& to) {
  made_.insert(to);
  for (Node& node : nodes_) {
    if (node.output == from) node.output = to;
    std::ranges::replace(node.inputs, from, to);
  }
}

// Names the network's result, and returns the outputs of the graph.
std::vector<std::string> OnnxBuilder::finish() {
  const std::vector<GraphDim>& dims = graph_.value(graph_.output).dims;
  const bool are_logits = dims.size() == 2 && dims[0] == GraphDim{1, true} && !dims[1].of_batch;
  const std::string name = are_logits ? "logits" : "output";
  std::string result = names_.at(graph_.output);
  if (result == "images" || result.starts_with(unnamed)) result = node("Identity", {result});
  rename(result, name);
  if (!are_logits) return {name};
  rename(node("Softmax", {name}, {{"axis", Index{-1}}}), "probabilities");
  return {name, "probabilities"};
}

std::string OnnxBuilder::file(const std::string& path) {
  constexpr Index ir_version = 8, operator_set = 13;
  const std::vector<GraphDim>& images = graph_.value(graph_.input).dims;
  const std::vector<std::string> outputs = finish();
  std::string graph;
  for (const Node& node : nodes_) {
    std::string bytes;
    for (const std::string& input : node.inputs) bytes += sized(1, input);
    bytes += sized(2, node.output) + sized(3, node.name) + sized(4, node.type);
    for (const OnnxAttribute& attribute : node.attributes)
      bytes += sized(5, attribute_proto(attribute));
    graph += sized(1, bytes);
  }
  graph += sized(2, "limbeck");
  for (const Constant& constant : constants_) {
    if (!constant.name.empty()) graph += sized(5, constant.bytes + sized(8, constant.name));
  }
  graph += sized(11, value_proto("images", images));
  for (const std::string& output : outputs) {
    graph += sized(12, value_proto(output, graph_.value(graph_.output).dims));
  }
  const std::string opset = sized(1, "") + integer(2, operator_set);
  const std::string model =
      integer(1, ir_version) + sized(2, "limbeck") + sized(7, graph) + sized(8, opset);
  if (model.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    fail(op_name, "{}: over 2 GiB, ONNX's limit for a file", path);
  }
  return model;
}

}  // namespace limbeck
