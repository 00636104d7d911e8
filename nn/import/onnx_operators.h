// The operators of ONNX as ops of the library: https://onnx.ai/onnx/operators, of the sets 7 to 21.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "nn/import/onnx_file.h"

namespace limbeck::imported {

// A node with its inputs, for the function that computes it. All errors begin with its operator:
// "Conv: …".
class Call {
 public:
  // Of a node that outlives it. `asked`, if not null, gets the attributes that are asked for.
  Call(const Node& node, Index operator_set, std::vector<Value> inputs,
       std::set<std::string>* asked = nullptr)
      : node_(node), operator_set_(operator_set), inputs_(std::move(inputs)), asked_(asked) {}

  Index operator_set() const { return operator_set_; }
  std::size_t inputs() const { return inputs_.size(); }
  std::size_t outputs() const { return node_.outputs.size(); }

  // Whether input i is there; the input, as numbers of any kind, as whole ones, as the only one.
  // Error: it is not there, not of that kind, or not one.
  bool has(std::size_t i) const { return i < inputs_.size() && inputs_[i].is_given(); }
  const Value& value(std::size_t i) const;
  const Tensor& tensor(std::size_t i) const { return value(i).tensor; }
  Tensor tensor_or_none(std::size_t i) const { return has(i) ? tensor(i) : Tensor(); }
  std::vector<Index> wholes(std::size_t i) const;
  double scalar(std::size_t i) const;

  // An attribute, or what it is where the node does not say. Error: it is of another kind.
  Index integer(const std::string& name, Index otherwise) const;
  double number(const std::string& name, double otherwise) const;
  std::string word(const std::string& name, const std::string& otherwise) const;
  std::vector<Index> integers(const std::string& name, std::vector<Index> otherwise = {}) const;
  const Value* constant(const std::string& name) const;  // null where it does not say
  bool says(const std::string& name) const { return find(name) != nullptr; }
  // The attribute may be there, and changes nothing.
  void ignore(const std::string& name) const { static_cast<void>(find(name)); }
  // A list that is an attribute in older operator sets, and input i in newer ones; has_list if it
  // is there at all.
  bool has_list(std::size_t i, const std::string& name) const { return has(i) || says(name); }
  std::vector<Index> list(std::size_t i, const std::string& name) const;

  // Axis of a tensor of that rank, from the front. Error: there is none.
  int axis(Index axis, int rank) const;

  // Throws the error "OPERATOR: message".
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> message, Args&&... args) const {
    fail(node_.type.c_str(), "{}", fmt::format(message, std::forward<Args>(args)...));
  }

 private:
  const Attribute* find(const std::string& name) const;

  const Node& node_;
  Index operator_set_;
  std::vector<Value> inputs_;
  std::set<std::string>* asked_;
};

// Computes a node: a value for each output, or for the first ones.
using Compute = std::function<std::vector<Value>(const Call& call)>;

// What is known of an operator.
struct Operator {
  Compute compute;                   // how it is computed
  std::size_t fewest = 1, most = 1;  // inputs
};

// All that are known, by name.
const std::map<std::string, Operator>& operators();

// Their parts, a source each.
using Operators = std::map<std::string, Operator>;
void add_functions(Operators& table);  // of elements, sums, products, norms
void add_windows(Operators& table);    // convolution, pooling, larger images
void add_shapes(Operators& table);     // what moves elements, and counts them

// An operator whose result is of the kind of its first input.
inline Compute of_input(std::function<Tensor(const Call&)> f) {
  return [f = std::move(f)](const Call& call) -> std::vector<Value> {
    return {{.tensor = f(call), .whole = call.value(0).whole}};
  };
}

}  // namespace limbeck::imported
