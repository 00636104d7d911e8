// What the tests share: random inputs, differences, the gradient checker.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops.h"
#include "core/random.h"

namespace limbeck::testing {

inline Tensor random_tensor(const Shape& shape, std::uint64_t seed, double low = -1,
                            double high = 1) {
  Rng rng(seed);
  return uniform(shape, low, high, rng);
}

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

// The largest |a − b| / max(1, |b|) over all elements; infinite if the shapes differ.
inline double difference(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return INFINITY;
  double largest = 0;
  for (std::size_t i = 0; i < a.values().size(); ++i) {
    const double p = a.values()[i], q = b.values()[i];
    if (std::isnan(p) || std::isnan(q)) return INFINITY;
    largest = std::max(largest, std::abs(p - q) / std::max(1.0, std::abs(q)));
  }
  return largest;
}

inline double difference(const Tensor& a, std::initializer_list<double> b) {
  std::vector<real> values;
  for (double v : b) values.push_back(static_cast<real>(v));
  if (static_cast<Index>(values.size()) != a.size()) return INFINITY;
  return difference(a, Tensor::from(a.shape(), values));
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::ranges::equal(a.values(), b.values());
}

// The text of the Error that f throws; "(no error)" if it throws none.
inline std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
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

using TensorFunction = std::function<Tensor(const std::vector<Tensor>&)>;

// Compares backward() with central differences, for every element of every input, signed, and
// returns the largest relative error |a − n| / max(|a|, |n|, 1e-3). What is differentiated is
// sum(f(inputs) · c) with c random, so that every element of the output takes part with another
// weight. Wants double: in float the differences themselves are good to three digits.
double gradient_error(const TensorFunction& f, std::vector<Tensor> inputs);

}  // namespace limbeck::testing
