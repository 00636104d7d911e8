// An ONNX graph under construction, for those who say how an op of theirs is written.
// Operators and their attributes: https://onnx.ai/onnx/operators (of operator set 13).
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "nn/export/graph.h"

namespace limbeck {

// An attribute of an ONNX operator: {"axis", Index{1}}, {"perm", std::vector<Index>{1, 0}},
// {"mode", "linear"}.
struct OnnxAttribute {
  std::string name;  // as ONNX has it
  // A whole number, a float, several whole numbers, a word.
  std::variant<Index, double, std::vector<Index>, std::string> value;
};

class OnnxBuilder;

// How an op is written: makes the nodes, and returns the name of the value that is the op's result.
//
//   [](OnnxBuilder& onnx, const GraphOp& op) {                                // y = x sigmoid(x)
//     const std::string x = onnx.input(op, 0);
//     return onnx.node("Mul", {x, onnx.node("Sigmoid", {x})});
//   }
using OnnxMapping = std::function<std::string(OnnxBuilder& onnx, const GraphOp& op)>;
using OnnxMappings = std::map<std::string, OnnxMapping>;  // by what ops are called

// Values go by names, strings, which node(), input() and constant() give.
class OnnxBuilder {
 public:
  explicit OnnxBuilder(const Graph& graph);  // which must outlive it
  explicit OnnxBuilder(const Graph&&) = delete;

  // The network that is written: op.inputs and op.output are places in it.
  const Graph& graph() const { return graph_; }

  // What an op takes as its input i. Error: it has none, or weights are not finite as floats.
  std::string input(const GraphOp& op, std::size_t i);
  // All that it takes, in order; optional ones that are not given are left out.
  std::vector<std::string> inputs(const GraphOp& op);

  // Appends a node of this type, an operator's name, which is not looked up, and returns its
  // result. It is named by type and place, "Conv_0", and the constants that it is the first to take
  // by it. Error: an input that nothing gives.
  std::string node(const std::string& type, const std::vector<std::string>& inputs,
                   const std::vector<OnnxAttribute>& attributes = {});

  // A tensor of constants, in float: NODE_ROLE. Error: a number that float cannot hold.
  std::string constant(const Tensor& values, const std::string& role);
  std::string constant(double value, const std::string& role);
  // A list of whole numbers, of 64 bits, as operators take axes and shapes.
  std::string integers(const std::vector<Index>& values, const std::string& role);

  // Writes all ops of the network; the one of its name that is found first counts.
  void add_ops(const OnnxMappings& own);
  // The file. Error: it would be over 2 GiB.
  std::string file(const std::string& path);

 private:
  struct Node {
    std::string type, name, output;
    std::vector<std::string> inputs;
    std::vector<OnnxAttribute> attributes;
  };
  struct Constant {
    std::string name;  // once a node has taken it
    std::string role;
    std::string bytes;  // a TensorProto but for its name
  };

  std::string placeholder(const std::string& role, std::string bytes);
  std::string named(const std::string& value, const std::string& node);
  std::string repeated(const GraphValue& value, const std::string& role);
  void rename(const std::string& from, const std::string& to);
  std::vector<std::string> finish();

  const Graph& graph_;
  std::vector<Node> nodes_;
  std::vector<Constant> constants_;
  std::map<std::size_t, std::string> names_;  // of the graph's values
  std::set<std::string> made_;                // values that a node may take
  std::set<std::string> constant_names_;
};

namespace detail {

// The ops of the library that ONNX knows, or of which operators can be put together.
const OnnxMappings& onnx_operators();

}  // namespace detail
}  // namespace limbeck
