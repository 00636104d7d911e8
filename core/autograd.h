// Reverse-mode automatic differentiation, by recording.
//
// Every op computes its value at once. If some input wants a gradient, it also records a Node: its
// inputs, and a closure that turns the gradient of the loss with respect to the op's output, dy,
// into the gradients with respect to its inputs, dx. These are vector-Jacobian products: no
// Jacobian is ever built. backward() starts from the loss with dy = 1 and visits the nodes in the
// reverse order of their creation, so a node's turn comes when every use of its output has added
// its share.
//
// A new op is one function (here y = x²):
//
//   Tensor square(const Tensor& x) {
//     Tensor y = Tensor::empty(x.shape());
//     ...                                                      // y[i] = x[i] * x[i]
//     return record("square", y, {x}, [x](const Tensor& dy) -> Gradients {
//       return {dy * x * 2};                                   // dx = dy · 2x
//     });
//   }
//
// A closure that needs the op's own output captures y.detach(): y owns the node that owns the
// closure, so capturing y itself would be a cycle that never dies.
//
// What a closure reads must still be there when backward() comes. If an optimizer's step or a write
// through values() has changed it, backward() is an Error that names it. It is taken to read the
// op's inputs; an op that reads less, or its output, says so.
//
// An op that does more than its name tells says what, for who writes the graph down (nn/export):
//   return record("clamp", y, {x}, {x}, {{"low", low}, {"high", high}}, backward);
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

#include "core/attribute.h"
#include "core/function_ref.h"
#include "core/layer_scope.h"
#include "core/tensor.h"
#include "core/watch.h"

namespace limbeck {

// One gradient for each input of an op, each of that input's shape. Undefined where
// input.wants_grad() is false, so that an op can leave out work that nobody asked for; and where
// the op has brought the gradient to its place itself (gradient_of_part below,
// core/gradient_sink.h).
using Gradients = std::vector<Tensor>;

// An op's gradient function: from dy, of the shape of its output, to the gradients of its inputs.
using Backward = std::function<Gradients(const Tensor& dy)>;

// Whether this thread records: no NoGrad lives in it.
bool is_recording();

// Makes y the recorded result of an op on `inputs`, and returns it. Records nothing, and drops the
// closure, if no input wants a gradient or recording is off. `op` must be a string literal.
Tensor record(const char* op, Tensor y, std::vector<Tensor> inputs, Backward backward);
// The same, and says of which tensors the closure reads elements: of some inputs, of y, of none.
// Undefined ones are passed over.
Tensor record(const char* op, Tensor y, std::vector<Tensor> inputs,
              std::initializer_list<Tensor> saved, Backward backward);
// The same, and says what the op does beside its inputs. That goes to who watches (core/watch.h)
// and is not kept.
Tensor record(const char* op, Tensor y, std::vector<Tensor> inputs,
              std::initializer_list<Tensor> saved, Attributes attributes, Backward backward);

// Whether record() has anything to do for an op on these inputs: asked first by ops that are called
// for one image at a time, so as to prepare nothing in vain.
template <class... Inputs>
bool is_recorded(const Inputs&... inputs) {
  return detail::watching() || (is_recording() && (inputs.wants_grad() || ...));
}

// While one of these lives, this thread records nothing: for evaluation, for a frozen teacher.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

// For an op that computes with a part of an input, so that a loop over the parts of x costs
// backwards what they cost, and not a gradient of the size of x each.
//
// The gradient of that input, which is 0 but where `add` adds something to it. If one has begun
// already, `add` gets that, and what is returned is undefined; else zeros.
Tensor gradient_of_part(const Tensor& input, FunctionRef<void(real* gradient)> add);
// For a part that is the elements from `begin` on: adds its gradient to the input's, if that has
// begun already. True if so; then the gradient function returns an undefined one for this input.
bool add_to_gradient(const Tensor& input, Index begin, const Tensor& part);

namespace detail {

struct Node {
  const char* op = "";
  std::uint64_t order = 0;  // of creation: greater than that of every node it depends on
  Shape shape;              // of the op's output
  LayerName layer;          // the layer in which it was called, if any
  std::vector<Tensor> inputs;
  Backward backward;                 // empty once the graph has been freed
  std::vector<SavedElements> saved;  // what it reads
  Tensor grad;                       // dy, while backward() is collecting it

  Node() = default;
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
};

void run_backward(const Tensor& root);

// Adds dx to a gradient that may not exist yet.
void accumulate(Tensor& grad, Tensor dx);

}  // namespace detail
}  // namespace limbeck
