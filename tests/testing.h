// What the tests share beside core/ops/testing.h, which has random inputs, differences and the
// checker of gradients.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops.h"
#include "core/ops/testing.h"
#include "core/random.h"

// What is logged of a text is the text, not its address; and a literal does not have the compiler
// make a stream's code anew for each length.
template <>
struct doctest::StringMaker<const char*> {
  static String convert(const char* text) { return text; }
};
template <std::size_t N>
struct doctest::StringMaker<char[N]> : doctest::StringMaker<const char*> {};

namespace limbeck::testing {

// Element i is a · sin(b i + 1): numbers of both signs that PyTorch makes by the same formula,
//   def wave(shape, a, b): return (a * torch.sin(b * torch.arange(n) + 1)).reshape(shape)
// in torch.float64, with n the number of elements. Reference values in the tests stand on it.
inline Tensor wave(const Shape& shape, double a, double b) {
  Tensor x = Tensor::empty(shape);
  for (std::size_t i = 0; i < x.values().size(); ++i) {
    x.values()[i] = static_cast<real>(a * std::sin(b * static_cast<double>(i) + 1));
  }
  return x;
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::ranges::equal(a.values(), b.values());
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// One text of several, with line breaks between.
inline std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

}  // namespace limbeck::testing
