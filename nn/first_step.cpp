#include "nn/first_step.h"

#include <string>
#include <unordered_set>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"

namespace limbeck::detail {
namespace {

[[noreturn]] void refuse(const char* op, const Node& user, const Tensor& leaf) {
  const LayerScope scope(user.layer);
  const std::string name = leaf.name().empty() ? "" : fmt::format("\"{}\" ", leaf.name());
  fail(op,
       "{} computes with a tensor {}of shape {} that wants a gradient and that no optimizer "
       "would move; "
       "if it is to learn, list it, or the module that has it, in the layer's parts(), or give "
       "that module in TrainOptions::with; else freeze it by requires_grad(false)",
       user.op, name, leaf.shape());
}

}  // namespace

void check_first_step(const char* op, const Tensor& loss, std::span<const Tensor> trained) {
  std::unordered_set<const TensorBody*> moved;
  for (const Tensor& tensor : trained) moved.insert(&tensor.body());
  std::unordered_set<const Node*> seen;
  std::vector<const Node*> pending;
  const auto visit = [&](const Node* node) {
    if (node != nullptr && seen.insert(node).second) pending.push_back(node);
  };
  visit(loss.body().node.get());
  while (!pending.empty()) {
    const Node& node = *pending.back();
    pending.pop_back();
    for (const Tensor& input : node.inputs) {
      if (!input.defined() || !input.wants_grad()) continue;
      const TensorBody& body = input.body();
      visit(body.node.get());
      if (body.node == nullptr && !moved.contains(&body)) refuse(op, node, input);
    }
  }
}

}  // namespace limbeck::detail
