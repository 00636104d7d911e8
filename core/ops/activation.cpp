#include "core/ops/activation.h"

#include <cmath>
#include <type_traits>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/elementary.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

// Whether F is a function of n numbers, f(y, x, n), as in core/kernels/elementary.h.
template <class F>
constexpr bool of_many = std::is_invocable_v<F, real*, const real*, Index>;

// y[i] = f(x[i])
template <class F>
Tensor map(const Tensor& x, F f) {
  Tensor y = Tensor::empty(x.shape());
  parallel_for(x.size(), elementwise_grain,
               [py = y.data(), px = x.data(), f](Index begin, Index end) {
                 if constexpr (of_many<F>) {
                   f(py + begin, px + begin, end - begin);
                 } else {
                   const F g = f;  // what f has captured need not be read anew for each element
                   for (Index i = begin; i < end; ++i) py[i] = g(px[i]);
                 }
               });
  return y;
}

// dx[i] = dy[i] · slope(kept[i])
template <class F>
Tensor chain(const Tensor& dy, const Tensor& kept, F slope) {
  Tensor dx = Tensor::empty(dy.shape());
  parallel_for(dy.size(), elementwise_grain,
               [px = dx.data(), py = dy.data(), pk = kept.data(), slope](Index begin, Index end) {
                 if constexpr (of_many<F>) {
                   slope(px + begin, pk + begin, end - begin);
                   for (Index i = begin; i < end; ++i) px[i] *= py[i];
                 } else {
                   const F g = slope;
                   for (Index i = begin; i < end; ++i) px[i] = py[i] * g(pk[i]);
                 }
               });
  return dx;
}

// An op whose slope is a function of its output y, or of its input x. From the output is the better
// where both are possible: the input may then be freed.
template <class F, class Slope>
Tensor unary_by_output(const char* op, const Tensor& x, F f, Slope slope) {
  Tensor y = map(x, f);
  return record(op, y, {x}, {y}, [out = y.detach(), slope](const Tensor& dy) -> Gradients {
    return {chain(dy, out, slope)};
  });
}

template <class F, class Slope>
Tensor unary_by_input(const char* op, const Tensor& x, F f, Slope slope,
                      Attributes attributes = {}) {
  return record(op, map(x, f), {x}, {x}, attributes,
                [x, slope](const Tensor& dy) -> Gradients { return {chain(dy, x, slope)}; });
}

}  // namespace

// Not by a factor of 0: that would make NaN of an infinite dy.
Tensor detail::relu_gradient(const Tensor& y, const Tensor& dy) {
  Tensor dx = Tensor::empty(dy.shape());
  parallel_for(dy.size(), elementwise_grain,
               [px = dx.data(), pd = dy.data(), py = y.data()](Index begin, Index end) {
                 for (Index i = begin; i < end; ++i) {
                   const real d = pd[i];  // read in any case, so that this is no branch
                   px[i] = py[i] > 0 ? d : real{0};
                 }
               });
  return dx;
}

Tensor relu(const Tensor& x) {
  Tensor y = map(x, [](real v) { return v < 0 ? real{0} : v; });  // NaN stays, to be noticed
  return record("relu", y, {x}, {y}, [out = y.detach()](const Tensor& dy) -> Gradients {
    return {detail::relu_gradient(out, dy)};
  });
}

Tensor sigmoid(const Tensor& x) {
  return unary_by_output("sigmoid", x, sigmoid_of, [](real y) { return y * (1 - y); });
}

Tensor tanh(const Tensor& x) {
  return unary_by_output("tanh", x, tanh_of, [](real y) { return 1 - y * y; });
}

Tensor exp(const Tensor& x) {
  void (*const f)(real*, const real*, Index) = exp_of;  // there is one of double, too
  return unary_by_output("exp", x, f, [](real y) { return y; });
}

Tensor log(const Tensor& x) {
  return unary_by_input("log", x, log_of, [](real v) { return 1 / v; });
}

Tensor sqrt(const Tensor& x) {
  return unary_by_output(
      "sqrt", x, [](real v) { return std::sqrt(v); }, [](real y) { return real{0.5} / y; });
}

Tensor square(const Tensor& x) {
  return unary_by_input(
      "square", x, [](real v) { return v * v; }, [](real v) { return 2 * v; });
}

Tensor abs(const Tensor& x) {
  return unary_by_input(
      "abs", x, [](real v) { return std::abs(v); },
      // (At 0 that is 0, at NaN it is NaN.)
      [](real v) { return v > 0   ? real{1}
                          : v < 0 ? real{-1}
                                  : v; });
}

Tensor pow(const Tensor& x, double p) {
  const auto exponent = static_cast<real>(p), less = static_cast<real>(p - 1);
  return unary_by_input(
      "pow", x, [=](real v) { return std::pow(v, exponent); },
      [=](real v) { return p == 0 ? real{0} : exponent * std::pow(v, less); }, {{"p", p}});
}

Tensor clamp(const Tensor& x, double low, double high) {
  if (!(low <= high)) fail("clamp", "low must not be above high; got {} and {}", low, high);
  const auto least = static_cast<real>(low), most = static_cast<real>(high);
  return unary_by_input(
      "clamp", x, [=](real v) { return v < least  ? least
                                       : v > most ? most
                                                  : v; },
      [=](real v) { return static_cast<real>((v >= least) & (v <= most)); },
      {{"low", low}, {"high", high}});
}

Tensor leaky_relu(const Tensor& x, double slope) {
  const auto below = static_cast<real>(slope);
  return unary_by_input(
      "leaky_relu", x, [=](real v) { return v > 0 ? v : below * v; },
      [=](real v) { return v > 0 ? real{1} : below; }, {{"slope", slope}});
}

Tensor gelu(const Tensor& x) {
  return unary_by_input("gelu", x, gelu_of, gelu_slope_of);
}

}  // namespace limbeck
