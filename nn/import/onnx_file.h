// What an ONNX file says, before anything is made of it: nodes, constants, inputs and outputs.
// The format: https://onnx.ai/onnx/repo-docs/IR.html, and onnx.proto beside it.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/tensor.h"

namespace limbeck::imported {

// The largest whole number there may be: up to it a float has every one of them.
inline constexpr Index largest_whole = Index{1} << 24;
// The integers from here on are a way to say "to the end".
inline constexpr Index to_the_end = (Index{1} << 31) - 1;
// Whether whole_number(n) is n, or says "to the end" as n does.
inline bool is_kept(Index n) {
  return (n >= -largest_whole && n <= largest_whole) || n >= to_the_end || n <= -to_the_end;
}
// As a real; "to the end" as 2²⁴.
inline real whole_number(Index n) {
  return static_cast<real>(std::clamp(n, -largest_whole, largest_whole));
}

// What goes from node to node: real numbers, or whole ones, of which shapes, axes and places are
// made. These are kept as reals too, and none beyond the largest is let through.
struct Value {
  Tensor tensor{};     // the numbers
  bool whole = false;  // whole ones, or truth values, 0 and 1

  bool is_given() const { return tensor.defined(); }
};

// What a node does beside its inputs.
struct Attribute {
  std::string name;  // as ONNX has it: "axis"
  // A whole number, a real one, a word, whole numbers, a tensor; monostate for what is not known
  // here, a graph within the graph, say.
  std::variant<std::monostate, Index, double, std::string, std::vector<Index>, Value> value{};
};

// An operator that is applied.
struct Node {
  std::string type;                     // the operator: "Conv"
  std::string name{};                   // its own, or ""
  std::vector<std::string> inputs{};    // names of values; "" where an optional one is left out
  std::vector<std::string> outputs{};   // names that it gives its results
  std::vector<Attribute> attributes{};  // in the file's order

  std::string str() const;  // for errors: "node Conv_3 (Conv)"
};

// An input or output of the graph.
struct Port {
  static constexpr Index open = -1;  // a size that the file leaves open

  std::string name;           // of the value
  Index type = 0;             // TensorProto.DataType: 1 is float
  std::vector<Index> dims{};  // its shape, the batch first
};

// All that is read of a file.
struct File {
  std::string producer{};                    // "pytorch 1.13"
  Index operator_set = 0;                    // of the standard's own operators
  std::vector<Node> nodes{};                 // each after those whose results it takes
  std::map<std::string, Value> constants{};  // by the names that nodes know
  std::vector<Port> inputs{};                // without those that are constants
  std::vector<Port> outputs{};               // the answers
};

// The bytes of a file, which goes by this name in errors. Numbers of 16, 32 and 64 bits become
// reals. What is kept takes a constant times the bytes of the file, and no message is followed
// deeper than the format is.
// Error, "read_onnx: NAME: …": bytes that are no ONNX; an operator set outside of 7 to 21; a
// constant whose elements are not as many as its shape says, are kept in another file, or are of a
// type that is no number.
File decode_file(std::string_view bytes, const std::string& name);

}  // namespace limbeck::imported
