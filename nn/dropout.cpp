#include "nn/dropout.h"

#include <array>

#include "core/autograd.h"
#include "core/batch_share.h"
#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

// Where the elements of a tensor of this size begin in that of the whole batch.
Index first_element(Index size) {
  const BatchShare* const share = batch_share();
  if (share == nullptr || share->rows == 0 || size % share->rows != 0) return 0;
  return size / share->rows * share->first;
}

// Word i of the generator decides over element i of the whole batch, so parts can be filled in any
// order, and by several processes.
Tensor dropout_mask(const Shape& shape, double p, const Rng& rng) {
  Tensor mask = Tensor::empty(shape);
  const auto limit = static_cast<std::uint32_t>(p * 0x1p32);  // a word below it drops
  const auto kept = static_cast<real>(1 / (1 - p));
  constexpr Index block = 1024;
  const Index blocks = (mask.size() + block - 1) / block;
  const Index first = first_element(mask.size()) / 4 * 4;  // where words can be had from
  const auto skip = static_cast<std::size_t>(first_element(mask.size()) - first);
  parallel_for(blocks, 8, [=, &rng, m = mask.data(), n = mask.size()](Index begin, Index end) {
    std::array<std::uint32_t, block + 3> words;
    for (Index b = begin; b < end; ++b) {
      const auto count = static_cast<std::size_t>(std::min(block, n - b * block));
      rng.words_from(first + b * block, std::span(words.data(), skip + count));
      real* const to = m + b * block;
      const std::uint32_t* const from = words.data() + skip;
      // (A product: of a choice g++ makes a branch here, which is wrong half of the time.)
#pragma omp simd
      for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<real>(from[i] >= limit) * kept;
    }
  });
  return mask;
}

void check_probability(const char* op, double p) {
  if (!(p >= 0 && p < 1)) fail(op, "the probability p must be in [0, 1); got {}", p);
}

}  // namespace

Tensor dropout(const Tensor& x, double p, Rng& rng) {
  check_probability("dropout", p);
  if (p == 0) return x;
  return x * dropout_mask(x.shape(), p, rng.fork());
}

Tensor dropout2d(const Tensor& x, double p, Rng& rng) {
  check_probability("dropout2d", p);
  if (x.shape().rank() != 4) {
    fail("dropout2d", "images must be (N, C, H, W); got shape {}", x.shape());
  }
  if (p == 0) return x;
  return x * dropout_mask({x.dim(0), x.dim(1), 1, 1}, p, rng.fork());
}

Dropout::Dropout(const char* name, Op op, const Options& options, Rng& rng)
    : name_(name), op_(op), p_(options.p), rng_(rng.fork()) {
  check_probability(name, p_);
}

std::string Dropout::describe() const {
  return fmt::format("{}({})", name_, p_);
}

Tensor Dropout::forward(const Tensor& x) {
  return is_training() ? op_(x, p_, rng_) : x;
}

}  // namespace limbeck
