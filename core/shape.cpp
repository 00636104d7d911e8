#include "core/shape.h"

#include "core/error.h"

namespace limbeck {

namespace {

// So that neither sizes nor bytes of any array overflow. Zeros are left out: rows() is the product
// of the other dimensions.
void check_size(const Shape& shape) {
  constexpr Index most = Index{1} << 60;
  Index size = 1;
  for (const Index n : shape) {
    if (n != 0 && __builtin_mul_overflow(size, n, &size)) size = most + 1;
    if (size > most) fail("Shape", "{} has more than 2^60 elements", shape);
  }
}

}  // namespace

Shape::Shape(std::initializer_list<Index> dims) {
  for (Index n : dims) append(n);
  check_size(*this);
}

void Shape::append(Index n) {
  if (rank_ == max_rank) fail("Shape", "at most {} dimensions, and one more was given", max_rank);
  if (n < 0) fail("Shape", "dimension {} is {}; it must not be negative", rank_, n);
  dims_[static_cast<std::size_t>(rank_++)] = n;
}

Index Shape::size() const {
  Index n = 1;
  for (Index d : *this) n *= d;
  return n;
}

int Shape::place_of(int i, int rank) const {
  const int from_front = i < 0 ? rank + i : i;
  if (from_front < 0 || from_front >= rank) {
    fail("Shape", "dimension {} asked of {}, which has {}", i, *this, rank_);
  }
  return from_front;
}

Index Shape::dim(int i) const {
  return dims_[static_cast<std::size_t>(place_of(i, rank_))];
}

Index Shape::rows() const {
  Index n = 1;
  for (int i = 0; i + 1 < rank_; ++i) n *= dims_[static_cast<std::size_t>(i)];
  return n;
}

Shape Shape::with_front(Index n) const {
  Shape shape{n};
  for (Index d : *this) shape.append(d);
  check_size(shape);
  return shape;
}

Shape Shape::without_front() const {
  if (rank_ == 0) fail("Shape", "a scalar has no first dimension to drop");
  Shape shape;
  for (const Index* d = begin() + 1; d != end(); ++d) shape.append(*d);
  return shape;
}

Shape Shape::with_last(Index n) const {
  if (rank_ == 0) fail("Shape", "a scalar has no last dimension to change");
  return with_dim(-1, n);
}

Shape Shape::with_dim(int i, Index n) const {
  const int at = place_of(i, rank_);
  if (n < 0) fail("Shape", "dimension {} is {}; it must not be negative", at, n);
  Shape shape = *this;
  shape.dims_[static_cast<std::size_t>(at)] = n;
  check_size(shape);
  return shape;
}

Shape Shape::without_dim(int i) const {
  const Index* const out = begin() + place_of(i, rank_);
  Shape shape;
  for (const Index* d = begin(); d != end(); ++d) {
    if (d != out) shape.append(*d);
  }
  return shape;
}

Shape Shape::insert_dim(int i, Index n) const {
  const Index* const before = begin() + place_of(i, rank_ + 1);
  Shape shape;
  for (const Index* d = begin(); d != before; ++d) shape.append(*d);
  shape.append(n);
  for (const Index* d = before; d != end(); ++d) shape.append(*d);
  check_size(shape);
  return shape;
}

std::string Shape::str() const {
  std::string text = "(";
  for (const Index* d = begin(); d != end(); ++d) {
    text += fmt::format("{}{}", d == begin() ? "" : ", ", *d);
  }
  return text + ")";
}

}  // namespace limbeck
