// Tensor: a handle to a dense, row-major block of reals with a shape.
//
// Copying a Tensor copies the handle: both then see the same elements and the same place in the
// graph. clone() copies the elements. Reshaping and taking a range of rows are views on the same
// memory (core/ops/shape_ops.h); everything else makes a new tensor.
//
// Class labels are not tensors: they are vectors of std::int32_t, called class_ids.
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/shape.h"
#include "core/storage.h"

namespace limbeck {

namespace detail {
struct TensorBody;
struct Node;
struct SinkState;
}  // namespace detail

// A handle to elements with a shape, and to their place in the graph.
class Tensor {
 public:
  // No tensor at all: defined() is false, and using it is an Error.
  Tensor() = default;

  static Tensor empty(const Shape& shape);             // elements not initialised
  static Tensor zeros(const Shape& shape);             // all 0
  static Tensor full(const Shape& shape, real value);  // all of that value
  static Tensor scalar(real value);                    // shape ()
  // Elements in row-major order. Error: their number is not shape.size().
  static Tensor from(const Shape& shape, std::span<const real> values);
  static Tensor from(const Shape& shape, std::initializer_list<real> values);

  // Whether there is a tensor behind the handle.
  bool defined() const { return body_ != nullptr; }
  const Shape& shape() const&;                       // the sizes of its dimensions
  Shape shape() const&& { return shape(); }          // of a temporary, so it gets a copy
  Index size() const { return shape().size(); }      // the number of elements
  Index dim(int i) const { return shape().dim(i); }  // as Shape::dim

  // The elements in row-major order. Every handle on them sees a change. A recorded graph does not
  // follow it: where an op saved these elements for its gradient, backward() is an Error then.
  // Not of a temporary, whose elements would be gone at the end of the line: name it first.
  real* data() &;
  const real* data() const&;
  const real* data() const&& = delete;
  std::span<real> values() & { return {data(), static_cast<std::size_t>(size())}; }
  std::span<const real> values() const& { return {data(), static_cast<std::size_t>(size())}; }
  std::span<const real> values() const&& = delete;
  // The element of a tensor that has one. Error: it has another number of them.
  real item() const;

  Tensor clone() const;   // a copy of the elements, outside any graph
  Tensor detach() const;  // the same elements, outside any graph
  // The same elements from `offset` on under another shape, outside any graph. The ops reshape and
  // slice_rows are built on it. Error: it reaches past the end.
  Tensor view(const Shape& shape, Index offset = 0) const;

  // --- gradients (core/autograd.h tells how they come about) ---

  // Says whether backward() is to leave a gradient here. For leaves only: Error on an op's result.
  Tensor& requires_grad(bool on = true);
  // True for a leaf that requires a gradient and for everything computed from one.
  bool wants_grad() const;
  // d loss / d this, of this tensor's shape: the sum over all backward() calls since clear_grad().
  // Error: there is none yet.
  const Tensor& grad() const&;
  Tensor grad() const&& { return grad(); }
  bool has_grad() const;  // whether there is one
  void clear_grad();      // the gradient is then none, not 0
  // Computes the gradient of this scalar with respect to every leaf that it was computed from, and
  // frees the graph. Error: not a scalar, nothing wants a gradient, or the graph is freed already.
  void backward() const;

  // A name for errors, traces and graphs, which a network gives its parameters: "student.2.weight".
  // "" at first. Shared by the copies of this handle, not by what is computed from it.
  Tensor& set_name(std::string name);
  const std::string& name() const&;
  std::string name() const&& { return name(); }

  // The shape and, where they are few, the elements: "(2, 2) [1, 2, 3, 4]".
  std::string str() const;

  // For autograd and the tests of its bookkeeping.
  detail::TensorBody& body() const;
  bool owns_alone() const;  // no other handle and no view sees this memory

 private:
  explicit Tensor(std::shared_ptr<detail::TensorBody> body) : body_(std::move(body)) {}

  std::shared_ptr<detail::TensorBody> body_;
};

// A tensor with what it is called in a network or a file: "1.weight".
struct NamedTensor {
  std::string name;  // of the parts from the outside in, joined by dots
  Tensor tensor;
};

namespace detail {

struct TensorBody {
  std::shared_ptr<Storage> storage;
  Index offset = 0;  // in elements, where this view begins
  Shape shape;
  bool requires_grad = false;  // of a leaf
  Tensor grad;                 // of a leaf, once backward() has been here
  std::string name;
  std::shared_ptr<Node> node;  // the op that made this tensor, while its graph is recorded
  SinkState* sink = nullptr;   // of a leaf, during backward_into()
};

}  // namespace detail
}  // namespace limbeck
