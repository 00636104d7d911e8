#include "core/tensor.h"

#include <algorithm>
#include <utility>

#include "core/autograd.h"
#include "core/error.h"

namespace limbeck {

detail::TensorBody& Tensor::body() const {
  if (!defined()) fail("Tensor", "this tensor is undefined: it was default-made, never assigned");
  return *body_;
}

Tensor Tensor::empty(const Shape& shape) {
  auto body = std::make_shared<detail::TensorBody>();
  body->storage = std::make_shared<Storage>(shape.size());
  body->shape = shape;
  return Tensor(std::move(body));
}

Tensor Tensor::full(const Shape& shape, real value) {
  Tensor t = empty(shape);
  std::ranges::fill(t.values(), value);
  return t;
}

Tensor Tensor::zeros(const Shape& shape) {
  return full(shape, 0);
}

Tensor Tensor::scalar(real value) {
  return full(Shape{}, value);
}

Tensor Tensor::from(const Shape& shape, std::span<const real> values) {
  if (static_cast<Index>(values.size()) != shape.size()) {
    fail("Tensor::from", "shape {} has {} elements, and {} were given", shape, shape.size(),
         values.size());
  }
  Tensor t = empty(shape);
  std::ranges::copy(values, t.data());
  return t;
}

Tensor Tensor::from(const Shape& shape, std::initializer_list<real> values) {
  return from(shape, std::span(values.begin(), values.size()));
}

const Shape& Tensor::shape() const& {
  return body().shape;
}

real* Tensor::data() & {
  body().storage->may_change();
  return body_->storage->data() + body_->offset;
}

const real* Tensor::data() const& {
  return body().storage->data() + body_->offset;
}

real Tensor::item() const {
  if (size() != 1) fail("item", "the tensor has {} elements, shape {}, not one", size(), shape());
  return *data();
}

Tensor Tensor::clone() const {
  return from(shape(), values());
}

Tensor Tensor::detach() const {
  return view(shape());
}

Tensor Tensor::view(const Shape& shape, Index offset) const {
  if (offset < 0 || offset + shape.size() > size()) {
    fail("view", "{} elements from position {} on do not fit in a tensor of shape {}", shape.size(),
         offset, this->shape());
  }
  auto view = std::make_shared<detail::TensorBody>();
  view->storage = body_->storage;
  view->offset = body_->offset + offset;
  view->shape = shape;
  return Tensor(std::move(view));
}

Tensor& Tensor::requires_grad(bool on) {
  if (body().node != nullptr) {
    fail("requires_grad",
         "this tensor of shape {} is the result of {}; only a leaf can ask for a "
         "gradient: detach() it first",
         shape(), body_->node->op);
  }
  body_->requires_grad = on;
  return *this;
}

bool Tensor::wants_grad() const {
  return defined() && (body_->requires_grad || body_->node != nullptr);
}

bool Tensor::has_grad() const {
  return body().grad.defined();
}

const Tensor& Tensor::grad() const& {
  if (!has_grad()) {
    fail("grad", "this tensor of shape {} has no gradient; {}", shape(),
         body_->node != nullptr ? "gradients are kept for leaves only, and this is an op's result"
         : body_->requires_grad ? "call backward() on a loss computed from it"
                                : "call requires_grad() before computing with it");
  }
  return body_->grad;
}

void Tensor::clear_grad() {
  body().grad = Tensor();
}

void Tensor::backward() const {
  detail::run_backward(*this);
}

bool Tensor::owns_alone() const {
  return body().storage.use_count() == 1 && body_.use_count() == 1;
}

Tensor& Tensor::set_name(std::string name) {
  body().name = std::move(name);
  return *this;
}

const std::string& Tensor::name() const& {
  return body().name;
}

std::string Tensor::str() const {
  if (!defined()) return "undefined";
  constexpr Index few = 32;
  if (size() > few) return shape().str();
  std::string text = shape().str() + " [";
  for (real v : values()) text += fmt::format("{}{}", text.back() == '[' ? "" : ", ", v);
  return text + "]";
}

}  // namespace limbeck
