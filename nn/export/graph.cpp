#include "nn/export/graph.h"

#include <algorithm>

#include "core/error.h"
#include "core/window.h"

namespace limbeck {

void refuse_op(const char* who, const GraphOp& op, const std::string& rule) {
  fail(who, "{} {}", op.str(), rule);
}

bool GraphValue::is_of_images() const {
  return !dims.empty() && dims[0] == GraphDim{1, true} &&
         std::none_of(dims.begin() + 1, dims.end(), [](const GraphDim& d) { return d.of_batch; });
}

Shape GraphValue::of_one_image() const {
  if (!is_of_images()) fail("export", "a tensor {} is none of images", str());
  Shape shape;
  for (std::size_t i = dims.size() - 1; i > 0; --i) shape = shape.with_front(dims[i].size);
  return shape;
}

std::string GraphValue::str() const {
  std::string text;
  for (const auto& [size, of_batch] : dims) {
    text += text.empty() ? "" : ", ";
    if (!of_batch || size != 1) text += fmt::format("{}", size);
    if (of_batch) text += size == 1 ? "N" : " N";
  }
  return "(" + text + ")";
}

bool GraphOp::has(const std::string& name) const {
  return std::ranges::any_of(attributes, [&](const Attribute& a) { return a.name() == name; });
}

std::span<const double> GraphOp::numbers(const std::string& name) const {
  for (const Attribute& attribute : attributes) {
    if (attribute.name() == name) return attribute.values();
  }
  refuse_op("export", *this,
            fmt::format("does not tell its {}; give it to record() (core/autograd.h)", name));
}

double GraphOp::number(const std::string& name) const {
  const auto values = numbers(name);
  if (values.size() != 1) {
    refuse_op("export", *this, fmt::format("has {} numbers as its {}", values.size(), name));
  }
  return values[0];
}

Index GraphOp::integer(const std::string& name) const {
  return static_cast<Index>(number(name));
}

Size2d GraphOp::size(const std::string& name) const {
  const auto values = numbers(name);
  if (values.size() != 2) {
    refuse_op("export", *this, fmt::format("has {} numbers as its {}", values.size(), name));
  }
  return {static_cast<Index>(values[0]), static_cast<Index>(values[1])};
}

std::string GraphOp::str() const {
  return layer.empty() ? op : layer + ": " + op;
}

const GraphValue& Graph::input_of(const GraphOp& op, std::size_t i) const {
  if (!op.has_input(i)) refuse_op("export", op, fmt::format("has no input {}", i));
  return values[op.inputs[i]];
}

std::size_t Graph::uses(std::size_t value) const {
  std::size_t count = value == output ? 1 : 0;
  for (const GraphOp& op : ops) {
    count += static_cast<std::size_t>(std::ranges::count(op.inputs, value));
  }
  return count;
}

Size2d detail::kernel_of(const Graph& graph, const GraphOp& op) {
  if (op.has("kernel")) return op.size("kernel");
  const std::vector<GraphDim>& weight = graph.input_of(op, 1).dims;
  return {weight[2].size, weight[3].size};
}

Size2d detail::windows_of(const Graph& graph, const GraphOp& op) {
  const std::vector<GraphDim>& images = graph.input_of(op, 0).dims;
  const Size2d kernel = kernel_of(graph, op);
  const Size2d dilation = op.has("dilation") ? op.size("dilation") : Size2d(1);
  const Size2d reach = {(kernel.height - 1) * dilation.height + 1,
                        (kernel.width - 1) * dilation.width + 1};
  return output_size(op.op.c_str(), {1, 1, images[2].size, images[3].size},
                     {.kernel = reach, .stride = op.size("stride"), .padding = op.size("padding")});
}

void detail::check_windows(const Graph& graph, const GraphOp& op) {
  const std::vector<GraphDim>& result = graph.value(op.output).dims;
  const Size2d expected = windows_of(graph, op);
  if (Size2d(result[2].size, result[3].size) == expected) return;
  refuse_op("export", op,
            fmt::format("gives {}, and by what it tells record() would have {} windows",
                        graph.value(op.output).str(), expected));
}

std::size_t Graph::add(GraphValue value) {
  values.push_back(std::move(value));
  return values.size() - 1;
}

}  // namespace limbeck
