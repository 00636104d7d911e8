// Element type, index type and Shape: the sizes of a tensor's dimensions.
//
// Letters used for sizes in every comment of the project:
//   N batch (images)   C classes or channels   H, W height and width in pixels
//   D_in, D_out features that go into and come out of a layer
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

// All of the library. What is in detail is for its own use.
namespace limbeck {

// The one element type of tensors: float, or double in a build with REAL=double, which the
// gradient checks use because finite differences in float are good to three digits only.
#ifdef LIMBECK_REAL_DOUBLE
using real = double;
#else
using real = float;
#endif

using Index = std::int64_t;  // sizes and positions; signed, so that differences are safe

// The sizes of up to six dimensions, held inline: a shape never allocates.
// Shape{} is that of a scalar: no dimension, one element.
class Shape {
 public:
  static constexpr int max_rank = 6;  // the most dimensions

  Shape() = default;
  // Error: more than six dimensions, a negative one, or sizes that multiply to more elements than
  // bytes can be counted for (2⁶⁰).
  Shape(std::initializer_list<Index> dims);

  int rank() const { return rank_; }
  Index size() const;  // the number of elements: the product of the dimensions

  // Dimension i; a negative i counts from the end, so dim(-1) is the last. Error: i out of range.
  Index dim(int i) const;
  // The last dimension, or 1 for a scalar: the length of a row in operations along rows.
  Index last() const { return rank_ == 0 ? 1 : dims_[static_cast<std::size_t>(rank_ - 1)]; }
  // The number of rows: size() / last(), also where a dimension is 0.
  Index rows() const;

  // This shape with one more dimension in front, without its first, or with another last one.
  Shape with_front(Index n) const;
  Shape without_front() const;
  Shape with_last(Index n) const;
  // This shape with another size of dimension i, without it, or with one more in its place, before
  // what is there. A negative i counts from the end, that of the result where one is put in.
  // Error: i out of range.
  Shape with_dim(int i, Index n) const;
  Shape without_dim(int i) const;
  Shape insert_dim(int i, Index n) const;

  // The dimensions, in order.
  const Index* begin() const { return dims_.data(); }
  const Index* end() const { return dims_.data() + rank_; }
  friend bool operator==(const Shape& a, const Shape& b) = default;

  std::string str() const;  // "(128, 784)"; "()" for a scalar

 private:
  void append(Index n);
  int place_of(int i, int rank) const;  // i from the front, of so many dimensions

  std::array<Index, max_rank> dims_{};  // the unused ones stay 0, so that == compares all
  int rank_ = 0;
};

namespace detail {
// Puts a text into what fmt prints. Not by fmt::format_to, with which every source that includes
// this would compile all that fmt knows of numbers: seconds each.
inline fmt::format_context::iterator write_text(const std::string& text,
                                                fmt::format_context& context) {
  auto out = context.out();
  for (const char c : text) *out++ = c;
  return out;
}
}  // namespace detail

}  // namespace limbeck

template <>
struct fmt::formatter<limbeck::Shape> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  auto format(const limbeck::Shape& shape, fmt::format_context& context) const {
    return limbeck::detail::write_text(shape.str(), context);
  }
};
