// Gradients that are not kept: at second reading.
//
// An optimizer needs each gradient once, to move a parameter by it. backward() keeps all of them
// till its end, out of the cache. A sink takes a parameter's gradient as soon as it is there, some
// rows at a time where the op knows how, and the parameter has moved before backward() is over.
// (optim/README.md, "Updates in the midst of backward", says what that is worth.)
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/autograd.h"

namespace limbeck {

// Where a leaf's gradient goes instead of being kept: `take` gets it in one or more parts, each the
// elements from `begin` on, perhaps from several threads at once.
struct GradientSink {
  Tensor leaf;
  std::function<void(Index begin, std::span<const real> gradient)> take;
};

// As loss.backward(), but hands each sink its leaf's gradient as soon as that is complete, while it
// is in cache: once every use has given its share, and part by part if the leaf is used once and
// the op knows how (linear does). A sink may change its leaf's elements. So the loss must not read
// them past the graph, as x * w.detach() does: that is an Error, if it comes after the change.
void backward_into(const Tensor& loss, std::span<const GradientSink> sinks);

// For an op's gradient function: the sink that wants this input's gradient in parts now, or null.
// Who gives it all its parts returns an undefined gradient for that input.
const GradientSink* sink_of(const Tensor& input);

// What backward() asks.
namespace detail {

// Whether the gradient of this input went to its sink in parts, all of it.
bool went_to_sink(const Tensor& input);
// The sinks of the node's inputs may now change these, while its gradient function runs.
void let_sinks_change(const Node& node);
// Adds one use's share of the leaf's gradient, undefined if it has gone in parts. After that of the
// last use it goes to the sink.
void give_to_sink(TensorBody& leaf, Tensor dx);
// The sum of the shares so far.
Tensor& gradient_of(SinkState& sink);

}  // namespace detail
}  // namespace limbeck
