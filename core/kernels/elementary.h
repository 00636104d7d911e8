// Elementary functions of many numbers: y[i] = f(x[i]) for n elements, several in a register at a
// time. y may be x.
//
// Errors are in ulp, units of the last place of the exact result, and are what the tests hold, in
// float and in double, with and without fused multiply-adds. NaN stays NaN. Results too small for a
// normal number are rounded to what there is, or are 0 where denormals are flushed
// (core/denormals.h). With LIMBECK_KERNELS=plain the C++ library's functions are called instead.
#pragma once

#include "core/shape.h"

namespace limbeck {

// y = eˣ, within 1.5 ulp.
void exp_of(float* y, const float* x, Index n);
void exp_of(double* y, const double* x, Index n);

// A row for softmax: e[i] = exp((x[i] − m) / t), with m the largest x, and their sum, of several
// partial sums. NaN makes the sum NaN. Of float and double; e may be x.
template <class T>
struct ExpRow {
  T largest, sum;
};
template <class T>
ExpRow<T> exp_of_row(T* e, const T* x, Index n, T t);

// y = ln x, within 1.5 ulp: −∞ at 0, NaN below.
void log_of(real* y, const real* x, Index n);

// y = 1 / (1 + e⁻ˣ), within 3 ulp; 0 where e⁻ˣ is too large for a number.
void sigmoid_of(real* y, const real* x, Index n);

// y = tanh x, within 3 ulp.
void tanh_of(real* y, const real* x, Index n);

// y = x Φ(x), and its slope Φ(x) + x φ(x): the normal distribution's function Φ and its density φ
// (core/ops/activation.h). x Φ(x) is within 5 + 2 x² ulp, where it is no denormal number: below 0
// the rounding of x² counts. The slope, which has a root at −0.75, is within 2 ulp of 1.
void gelu_of(real* y, const real* x, Index n);
void gelu_slope_of(real* y, const real* x, Index n);

}  // namespace limbeck
