#include "nn/attention.h"

#include <cmath>

#include "core/error.h"
#include "core/ops/matmul.h"
#include "core/ops/shape_ops.h"
#include "core/ops/softmax.h"

namespace limbeck {
namespace {

const SelfAttention::Options& checked(const SelfAttention::Options& options) {
  if (options.heads < 1 || options.features % options.heads != 0) {
    fail("SelfAttention", "{} heads do not divide {} features", options.heads, options.features);
  }
  return options;
}

}  // namespace

SelfAttention::SelfAttention(const Options& options, Rng& rng)
    : options_(checked(options)),
      query_({.in = options.features, .out = options.features}, rng),
      key_({.in = options.features, .out = options.features}, rng),
      value_({.in = options.features, .out = options.features}, rng),
      out_({.in = options.features, .out = options.features}, rng) {}

std::string SelfAttention::describe() const {
  return fmt::format("SelfAttention({}, {} heads)", options_.features, options_.heads);
}

Tensor SelfAttention::split(const Tensor& x) const {
  return permute(reshape(x, {x.dim(0), x.dim(1), options_.heads, -1}), {0, 2, 1, 3});
}

Tensor SelfAttention::forward(const Tensor& x) {
  if (x.shape().rank() != 3 || x.dim(2) != options_.features) {
    fail("SelfAttention", "the input must be (N, L, {}); got {}", options_.features, x.shape());
  }
  const Tensor q = split(query_(x)), k = split(key_(x)), v = split(value_(x));  // (N, h, L, d)
  const double temperature = std::sqrt(static_cast<double>(q.dim(-1)));
  const Tensor weights = softmax(batched_matmul(q, k, {.b = true}), temperature);  // (N, h, L, L)
  const Tensor heads = permute(batched_matmul(weights, v), {0, 2, 1, 3});          // (N, L, h, d)
  return out_(reshape(heads, x.shape()));
}

void SelfAttention::parts(Parts& parts) {
  parts("query", query_);
  parts("key", key_);
  parts("value", value_);
  parts("out", out_);
}

}  // namespace limbeck
