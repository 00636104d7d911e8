// An ONNX file's graph, ready to run: what the answer needs of it, in order.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/layer_scope.h"
#include "nn/import/onnx_operators.h"

namespace limbeck::imported {

// Runs the nodes that the first output needs. A softmax that is the last of them is left out, if so
// asked, and what went into it is the answer: logits. What depends on no image is computed here,
// once.
class Program {
 public:
  // Error, "read_onnx: SOURCE: …": inputs or outputs that are not one and one or more; a value that
  // no node gives before it is taken, or that two give; operators that are not known, all of them;
  // an error in what is computed here.
  Program(File file, const std::string& source, bool leave_out_softmax = true);

  const Port& input() const { return input_; }
  const Port& output() const { return output_; }
  bool left_out_softmax() const { return left_out_softmax_; }

  // The answer. With `asks`, says which attributes no operator has asked for, as an Error: the
  // network would not be what the file says. Error: an operator's, beginning with its node.
  Tensor run(const Tensor& x, bool asks = false) const;

  // How many nodes there are of each operator, the first of the file first.
  std::vector<std::pair<std::string, Index>> operators() const;
  // Numbers that nodes take.
  struct Weight {
    NamedTensor named;  // as the file calls them
    bool statistics;    // whether they are those of a batch norm
  };
  // All of them, once each.
  std::vector<Weight> weights() const;

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  struct Step {
    Node node;
    const Operator* op;
    LayerName name;                            // for errors
    std::vector<std::size_t> inputs, outputs;  // places of values
    std::vector<std::size_t> last{};           // of values that nobody takes afterwards
  };

  std::size_t place_of(const std::string& name);
  void link(std::vector<Node> nodes);
  void fold();
  void find_last_uses();
  std::vector<Value> compute(const Step& step, const std::vector<Value>& values, bool asks) const;
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> message, Args&&... args) const {
    fail("read_onnx", "{}: {}", source_, fmt::format(message, std::forward<Args>(args)...));
  }

  std::string source_;
  Index operator_set_ = 0;
  Port input_, output_;
  bool left_out_softmax_ = false;
  std::vector<Step> steps_;
  std::map<std::string, std::size_t> places_;
  std::vector<Value> constants_;  // by place; not given where it is no constant
  std::size_t answer_ = none;
};

}  // namespace limbeck::imported
