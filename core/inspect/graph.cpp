#include "core/inspect/graph.h"

#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"

namespace limbeck {
namespace {

// Text between the quotes of a label.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

// Lists the graph while it walks it. What the graph is made of has its address as its identity.
class Drawing {
 public:
  // The number of this tensor's box, and the box if it is new. An op's result is shown as its op.
  int id_of(const Tensor& tensor) {
    const detail::TensorBody& body = tensor.body();
    const bool is_op = body.node != nullptr;
    const void* const key = is_op ? static_cast<const void*>(body.node.get()) : &body;
    const auto [entry, is_new] = ids_.emplace(key, static_cast<int>(ids_.size()));
    if (is_new) {
      text_ += fmt::format("  n{} [{}];\n", entry->second, is_op ? op(*body.node) : leaf(tensor));
      if (is_op) pending_.push_back(body.node.get());
    }
    return entry->second;
  }

  std::string of(const Tensor& root) {
    id_of(root);
    while (!pending_.empty()) {
      const detail::Node& node = *pending_.back();
      pending_.pop_back();
      const int to = ids_.at(&node);
      for (const Tensor& input : node.inputs) {
        if (input.defined()) text_ += fmt::format("  n{} -> n{};\n", id_of(input), to);
      }
    }
    return "digraph {\n  node [fontname=\"sans-serif\"];\n" + text_ + "}\n";
  }

 private:
  static std::string op(const detail::Node& node) {
    if (!node.backward) {
      fail("to_dot", "the graph through {} {} is freed already; draw it before backward()", node.op,
           node.shape);
    }
    const std::string layer = node.layer == nullptr ? "" : "\\n" + escaped(*node.layer);
    return fmt::format("shape=ellipse, label=\"{}\\n{}{}\"", node.op, node.shape, layer);
  }

  static std::string leaf(const Tensor& tensor) {
    const bool parameter = tensor.wants_grad();
    const std::string name =
        tensor.name().empty() ? (parameter ? "parameter" : "constant") : escaped(tensor.name());
    return fmt::format("shape=box, {}label=\"{}\\n{}\"",
                       parameter ? "style=filled, fillcolor=lightblue, " : "", name,
                       tensor.shape());
  }

  std::unordered_map<const void*, int> ids_;
  std::vector<const detail::Node*> pending_;
  std::string text_;
};

}  // namespace

std::string to_dot(const Tensor& loss) {
  if (loss.body().node == nullptr) {
    fail("to_dot",
         "nothing is recorded for this tensor: no input of it wants a gradient, or it was computed "
         "under NoGrad");
  }
  return Drawing().of(loss);
}

}  // namespace limbeck
