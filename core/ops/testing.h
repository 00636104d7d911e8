// For tests of ops: random inputs, how far results are apart, the text of an error, and the checker
// of gradients. Needs no framework of tests: the functions give numbers and texts.
// nn/testing.h checks layers.
#pragma once

#include <cmath>
#include <initializer_list>
#include <string>
#include <vector>

#include "core/function_ref.h"
#include "core/random.h"

namespace limbeck::testing {

// Independent elements, uniform in [low, high): the same for the same seed.
Tensor random_tensor(const Shape& shape, std::uint64_t seed, double low = -1, double high = 1);

// The largest |a − b| / max(1, |b|) over all elements; infinite if the shapes differ, if there is a
// NaN, or where one of the two is infinite and the other is not the same.
double difference(const Tensor& a, const Tensor& b);
// The same with b as its elements in row-major order.
double difference(const Tensor& a, std::initializer_list<double> b);

// The text of the Error that f throws; "(no error)" if it throws none.
std::string error_of(FunctionRef<void()> f);

// Compares backward() with central differences, for every element of every input, signed, and
// returns the largest relative error |a − n| / max(|a|, |n|, 1e-3). What is differentiated is
// sum(f(inputs) · c) with c random, so that every element of the output takes part with another
// weight. In double a right gradient is off by less than 1e-6. In float, where the differences
// themselves are good to two or three digits, a wrong sign and a missing term show, at errors near
// 1, and no more.
//   gradient_error([](const std::vector<Tensor>& x) { return x[0] * x[1]; }, {a, b}) < 1e-6
double gradient_error(FunctionRef<Tensor(const std::vector<Tensor>& inputs)> f,
                      std::vector<Tensor> inputs);

// The same where the inputs are the leaves of what f computes: each is moved in its place, and left
// as it was, with its gradient cleared.
double gradient_error_at(FunctionRef<Tensor()> f, std::vector<Tensor> leaves);

}  // namespace limbeck::testing
