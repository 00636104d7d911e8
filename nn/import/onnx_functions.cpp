// Functions of elements, products, sums and norms.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "core/autograd.h"
#include "core/ops.h"
#include "nn/import/onnx_operators.h"

namespace limbeck::imported {
namespace {

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Tensor&, const Tensor&);

Compute unary(Unary f) {
  return of_input([f](const Call& call) { return f(call.tensor(0)); });
}

// Of two, or in a row of as many as there are.
Compute folded(Binary f) {
  return of_input([f](const Call& call) {
    Tensor y = call.tensor(0);
    for (std::size_t i = 1; i < call.inputs(); ++i) y = f(y, call.tensor(i));
    return y;
  });
}

// A mask: truth values.
Compute comparison(Binary f) {
  return [f](const Call& call) -> std::vector<Value> {
    return {{.tensor = f(call.tensor(0), call.tensor(1)), .whole = true}};
  };
}

// y[i] = f(x[i]), for what is no op of the library.
template <class F>
Tensor mapped(const Tensor& x, F f) {
  Tensor y = Tensor::empty(x.shape());
  std::ranges::transform(x.values(), y.data(), f);
  return y;
}

// --- of elements ---

// erf x = 2 / √π ∫₀ˣ exp(−t²) dt
Tensor erf(const Tensor& x) {
  return mapped(x, [](real t) { return std::erf(t); });
}

// Whole numbers are divided towards 0.
Tensor divide(const Call& call) {
  const Tensor y = call.tensor(0) / call.tensor(1);
  return call.value(0).whole ? mapped(y, [](real t) { return std::trunc(t); }) : y;
}

Tensor power(const Call& call) {
  const double p = call.scalar(1);
  return p == 2 ? square(call.tensor(0)) : pow(call.tensor(0), p);
}

Tensor clip(const Call& call) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  const double low = call.number("min", -infinite), high = call.number("max", infinite);
  return clamp(call.tensor(0), call.has(1) ? call.scalar(1) : low,
               call.has(2) ? call.scalar(2) : high);
}

// The approximation is x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2.
Tensor gelu_of(const Call& call) {
  const Tensor& x = call.tensor(0);
  const std::string how = call.word("approximate", "none");
  if (how == "none") return gelu(x);
  if (how != "tanh") call.refuse("approximate is \"{}\"; none and tanh are known", how);
  const double scale = std::sqrt(2 * std::numbers::inv_pi);
  return x * 0.5 * (tanh((x + square(x) * x * 0.044715) * scale) + 1.0);
}

Tensor elu(const Call& call) {
  const Tensor& x = call.tensor(0);
  return where(x > 0.0, x, (exp(minimum(x, 0.0)) - 1.0) * call.number("alpha", 1));
}

Tensor hard_sigmoid(const Call& call) {
  return clamp(call.tensor(0) * call.number("alpha", 0.2) + call.number("beta", 0.5), 0, 1);
}

Tensor chosen(const Call& call) {
  return where(call.tensor(0), call.tensor(1), call.tensor(2));
}

// --- products ---

Tensor gemm(const Call& call) {
  const Tensor &a = call.tensor(0), &b = call.tensor(1);
  const bool a_turned = call.integer("transA", 0) != 0, b_turned = call.integer("transB", 0) != 0;
  const double alpha = call.number("alpha", 1), beta = call.number("beta", 1);
  const Tensor c = call.tensor_or_none(2);
  const bool plain = b_turned && !a_turned && alpha == 1 && (beta == 1 || !c.defined());
  if (plain && a.shape().rank() == 2 && b.shape().rank() == 2 &&
      (!c.defined() || c.shape() == Shape{b.dim(0)})) {
    return linear(a, b, c);
  }
  Tensor y = matmul(a, b, {.a = a_turned, .b = b_turned});
  if (alpha != 1) y = y * alpha;
  if (!c.defined()) return y;
  return y + (beta == 1 ? c : c * beta);
}

// The last two dimensions, behind those of another shape.
Shape behind(Shape batch, const Tensor& matrices) {
  for (int i = 0; i < 2; ++i) batch = batch.insert_dim(-1, matrices.dim(i - 2));
  return batch;
}

Tensor repeated_to(const Tensor& x, const Shape& shape) {
  return x.shape() == shape ? x : x * Tensor::full(shape, 1);
}

// Of matrices, of batches of them whose dimensions broadcast, of vectors.
Tensor product(const Call& call) {
  Tensor a = call.tensor(0), b = call.tensor(1);
  const bool row = a.shape().rank() == 1, column = b.shape().rank() == 1;
  if (row) a = reshape(a, a.shape().insert_dim(0, 1));
  if (column) b = reshape(b, b.shape().insert_dim(-1, 1));
  if (a.shape().rank() < 2 || b.shape().rank() < 2) call.refuse("a scalar is no matrix");
  Tensor y;
  if (b.shape().rank() == 2) {
    const Tensor flat = reshape(a, {a.shape().rows(), a.dim(-1)});
    y = reshape(matmul(flat, b), a.shape().with_last(b.dim(-1)));
  } else {
    const auto batch = [](const Tensor& x) { return x.shape().without_dim(-1).without_dim(-1); };
    const Shape both = broadcast_shape("MatMul", batch(a), batch(b));
    y = batched_matmul(repeated_to(a, behind(both, a)), repeated_to(b, behind(both, b)));
  }
  if (row) y = reshape(y, y.shape().without_dim(-2));
  return column ? reshape(y, y.shape().without_dim(-1)) : y;
}

// --- sums ---

using Reduction = Tensor (*)(const Tensor&, int, const ReduceOptions&);

// Along several axes one after the other; along all where none is named.
Compute reduction(Reduction f) {
  return of_input([f](const Call& call) {
    Tensor y = call.tensor(0);
    const int rank = y.shape().rank();
    std::vector<Index> axes = call.list(1, "axes");
    const bool nothing = call.integer("noop_with_empty_axes", 0) != 0 && axes.empty();
    const bool keep = call.integer("keepdims", 1) != 0;
    if (nothing) return y;
    std::vector<bool> along(static_cast<std::size_t>(rank), axes.empty());
    for (const Index axis : axes) along[static_cast<std::size_t>(call.axis(axis, rank))] = true;
    for (int i = rank - 1; i >= 0; --i) {
      if (along[static_cast<std::size_t>(i)]) y = f(y, i, {.keep = keep});
    }
    return y;
  });
}

Tensor min_along(const Tensor& x, int dim, const ReduceOptions& options) {
  return -max(-x, dim, options);
}

// Along an axis; before operator set 13 along all from it on, as one.
Compute softmax_as(Tensor (*f)(const Tensor&, const SoftmaxOptions&)) {
  return of_input([f](const Call& call) {
    const Tensor& x = call.tensor(0);
    const int rank = x.shape().rank();
    const bool one = call.operator_set() >= 13;
    const int axis = call.axis(call.integer("axis", one ? -1 : 1), rank);
    if (one || axis == rank - 1) return f(x, {.dim = axis});
    Index rows = 1;
    for (int i = 0; i < axis; ++i) rows *= x.dim(i);
    const Tensor flat = reshape(x, {rows, x.size() / std::max<Index>(rows, 1)});
    return reshape(f(flat, {.dim = 1}), x.shape());
  });
}

// --- norms ---

Tensor batch_norm_of(const Call& call) {
  call.ignore("momentum");
  if (call.integer("training_mode", 0) != 0) {
    call.refuse(
        "it takes its statistics from the batch, as in training; export the network in "
        "evaluation mode: model.eval()");
  }
  if (call.integer("spatial", 1) != 1) call.refuse("spatial=0 is not known");
  Tensor mean = call.tensor(3), variance = call.tensor(4);
  return batch_norm(call.tensor(0), call.tensor(1), call.tensor(2), mean, variance,
                    {.training = false, .eps = call.number("epsilon", 1e-5)});
}

// Over the axes from one on.
Tensor layer_norm_of(const Call& call) {
  call.ignore("stash_type");
  const Tensor& x = call.tensor(0);
  const int axis = call.axis(call.integer("axis", -1), x.shape().rank());
  Index size = 1;
  for (int i = axis; i < x.shape().rank(); ++i) size *= x.dim(i);
  const auto flat = [&](const Tensor& t) {
    if (t.defined() && t.size() != size) {
      call.refuse("a scale or bias of shape {} for {} values", t.shape(), size);
    }
    return t.defined() ? reshape(t, Shape{size}) : t;
  };
  if (size == 0) return x;
  return reshape(layer_norm(reshape(x, {x.size() / size, size}), flat(call.tensor(1)),
                            flat(call.tensor_or_none(2)), call.number("epsilon", 1e-5)),
                 x.shape());
}

Tensor instance_norm_of(const Call& call) {
  return instance_norm(call.tensor(0), call.tensor(1), call.tensor(2),
                       call.number("epsilon", 1e-5));
}

Tensor logical_not(const Tensor& x) {
  return equal(x, 0.0);
}
Tensor softplus(const Tensor& x) {
  return maximum(x, 0.0) + log(exp(-abs(x)) + 1.0);
}
Tensor reciprocal(const Tensor& x) {
  return 1.0 / x;
}
Tensor hard_swish(const Tensor& x) {
  return x * clamp(x / 6.0 + 0.5, 0, 1);
}

// A number that may be one cut off, from a "to the end", is no real number to count with.
void check_no_end(const Call& call, const Value& x) {
  if (!x.whole) return;
  for (const real n : x.tensor.values()) {
    if (std::abs(n) >= static_cast<real>(largest_whole)) {
      call.refuse("it makes a real number of {} or more", n);
    }
  }
}

// Between floats, and from whole numbers, nothing changes.
std::vector<Value> cast(const Call& call) {
  constexpr Index int32 = 6, int64 = 7, boolean = 9;
  call.ignore("saturate");
  const Value& x = call.value(0);
  switch (const Index to = call.integer("to", 0)) {
    case 1:
    case 10:
    case 11:
    case 16:
      check_no_end(call, x);
      return {{.tensor = x.tensor}};
    case boolean:
      return {{.tensor = not_equal(x.tensor, 0.0), .whole = true}};
    case int32:
    case int64:
      if (x.whole) return {x};
      call.refuse("it makes whole numbers of others, which is not known");
    default:
      call.refuse("it makes numbers of type {}, which is not known", to);
  }
}

}  // namespace

void add_functions(Operators& table) {
  constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
  table.merge(Operators{{"Relu", {unary(relu)}},
                        {"Sigmoid", {unary(sigmoid)}},
                        {"Tanh", {unary(tanh)}},
                        {"Exp", {unary(exp)}},
                        {"Log", {unary(log)}},
                        {"Sqrt", {unary(sqrt)}},
                        {"Abs", {unary(abs)}},
                        {"Neg", {unary([](const Tensor& x) { return -x; })}},
                        {"Erf", {unary(erf)}},
                        {"Not", {unary(logical_not)}},
                        {"Softplus", {unary(softplus)}},
                        {"Reciprocal", {unary(reciprocal)}},
                        {"HardSwish", {unary(hard_swish)}},
                        {"Add", {folded(operator+), 2, 2}},
                        {"Sub", {folded(operator-), 2, 2}},
                        {"Mul", {folded(operator*), 2, 2}},
                        {"Div", {of_input(divide), 2, 2}},
                        {"Pow", {of_input(power), 2, 2}},
                        {"Max", {folded(maximum), 1, any}},
                        {"Min", {folded(minimum), 1, any}},
                        {"Sum", {folded(operator+), 1, any}},
                        {"Greater", {comparison(operator>), 2, 2}},
                        {"GreaterOrEqual", {comparison(operator>=), 2, 2}},
                        {"Less", {comparison(operator<), 2, 2}},
                        {"LessOrEqual", {comparison(operator<=), 2, 2}},
                        {"Equal", {comparison(equal), 2, 2}},
                        {"LeakyRelu", {of_input([](const Call& call) {
                           return leaky_relu(call.tensor(0), call.number("alpha", 0.01));
                         })}},
                        {"PRelu",
                         {of_input([](const Call& call) {
                            const Tensor& x = call.tensor(0);
                            return where(x > 0.0, x, x * call.tensor(1));
                          }),
                          2, 2}},
                        {"Gelu", {of_input(gelu_of)}},
                        {"Elu", {of_input(elu)}},
                        {"HardSigmoid", {of_input(hard_sigmoid)}},
                        {"Clip", {of_input(clip), 1, 3}},
                        {"Cast", {cast}},
                        {"Where",
                         {[](const Call& call) -> std::vector<Value> {
                            return {{.tensor = chosen(call), .whole = call.value(1).whole}};
                          },
                          3, 3}},
                        {"Gemm", {of_input(gemm), 2, 3}},
                        {"MatMul", {of_input(product), 2, 2}},
                        {"ReduceMean", {reduction(mean), 1, 2}},
                        {"ReduceSum", {reduction(sum), 1, 2}},
                        {"ReduceMax", {reduction(max), 1, 2}},
                        {"ReduceMin", {reduction(min_along), 1, 2}},
                        {"ReduceLogSumExp",
                         {reduction(+[](const Tensor& x, int dim, const ReduceOptions& options) {
                            return log_sum_exp(x, dim, options);
                          }),
                          1, 2}},
                        {"Softmax", {softmax_as(softmax)}},
                        {"LogSoftmax", {softmax_as(log_softmax)}},
                        {"BatchNormalization", {of_input(batch_norm_of), 5, 5}},
                        {"LayerNormalization", {of_input(layer_norm_of), 2, 3}},
                        {"InstanceNormalization", {of_input(instance_norm_of), 3, 3}}});
}

}  // namespace limbeck::imported
