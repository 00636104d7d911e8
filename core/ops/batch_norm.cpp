// Batch normalisation. (core/ops/layer_norm.cpp has the other.)
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "core/autograd.h"
#include "core/batch_share.h"
#include "core/error.h"
#include "core/function_ref.h"
#include "core/kernels/moments.h"
#include "core/ops/normalize.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

using namespace detail;

// x seen as N rows of C channels of S values each: (N, C) has S = 1, (N, C, H, W) has S = H W.
// Channels are worked on in blocks, by one thread from the first sum to the last output: one
// channel at a time where it is planes, so that it is still in the cache when it is read again, and
// 64 side by side where it is a column of (N, C), since memory runs along the rows.
using BlockSums = Block<Sums>;
using BlockValues = Block<real>;

struct Layout {
  Index rows, channels, plane;

  Index count() const { return rows * plane; }  // of the values of a channel

  template <class Body>
  void for_blocks(const Body& body) const {
    const Index width = plane > 1 ? 1 : widest_block;
    const Index blocks = (channels + width - 1) / width;
    parallel_for(blocks, elementwise_grain / std::max<Index>(width * count(), 1) + 1,
                 [&](Index begin, Index end) {
                   for (Index b = begin; b < end; ++b) {
                     body(b * width, std::min(width, channels - b * width));
                   }
                 });
  }

  // Σ f(i, j) over the values i of each channel first + j of a block.
  template <class F>
  BlockSums sums(Index first, Index width, F f) const {
    BlockSums total{};
    for (Index row = 0; row < rows; ++row) {
      const Index at = row * channels + first;
      if (plane == 1) {
        for (Index j = 0; j < width; ++j) {
          const Sums s = f(at + j, j);
          total[j].a += s.a;
          total[j].b += s.b;
        }
      } else {
        const Sums s = sums_of(at * plane, plane, [=](Index i) { return f(i, 0); });
        total[0].a += s.a;
        total[0].b += s.b;
      }
    }
    return total;
  }

  // to[i] = f(i, j) for the values i of each channel first + j of a block.
  template <class F>
  void fill(real* to, Index first, Index width, F f) const {
    for (Index row = 0; row < rows; ++row) {
      const Index at = row * channels + first;
      if (plane == 1) {
#pragma omp simd
        for (Index j = 0; j < width; ++j) to[at + j] = f(at + j, j);
      } else {
#pragma omp simd
        for (Index i = at * plane; i < (at + 1) * plane; ++i) to[i] = f(i, 0);
      }
    }
  }
};

void check_batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                      const Tensor& running_mean, const Tensor& running_var,
                      const BatchNormOptions& options) {
  constexpr const char* op = "batch_norm";
  if (x.shape().rank() < 2) fail(op, "the input must be (N, C, …); got {}", x.shape());
  const Index channels = x.dim(1);
  check_vector(op, "gamma", gamma, channels, x.shape());
  check_vector(op, "beta", beta, channels, x.shape());
  check_vector(op, "running_mean", running_mean, channels, x.shape());
  check_vector(op, "running_var", running_var, channels, x.shape());
  check_eps(op, options.eps);
  if (!(options.momentum >= 0 && options.momentum <= 1)) {
    fail(op, "the momentum must be in [0, 1]; got {}", options.momentum);
  }
}

// Sums over a whole batch of which each process has some rows (core/batch_share.h): two a channel,
// and how many values a channel has.
class WholeBatch {
 public:
  explicit WholeBatch(const BatchShare& share) : share_(share) {}

  // `of_block` gives those of this process, for channels [first, first + width).
  void sum(const Layout& layout, FunctionRef<BlockSums(Index first, Index width)> of_block) {
    sums_.assign(static_cast<std::size_t>(2 * layout.channels + 1), 0);
    if (share_.counts) {
      layout.for_blocks([&](Index first, Index width) {
        const BlockSums sums = of_block(first, width);
        for (Index j = 0; j < width; ++j) {
          double* const of_channel = sums_.data() + 2 * (first + j);
          of_channel[0] = sums[j].a, of_channel[1] = sums[j].b;
        }
      });
      sums_.back() = static_cast<double>(layout.count());
    }
    share_.sum(sums_);
  }

  double count() const { return sums_.back(); }
  BlockSums of_block(Index first, Index width) const {
    BlockSums sums{};
    const double* const from = sums_.data() + 2 * first;
    for (Index j = 0; j < width; ++j) sums[j] = {from[2 * j], from[2 * j + 1]};
    return sums;
  }

 private:
  BatchShare share_;
  std::vector<double> sums_;
};

// Where statistics are to be of more than this process has.
std::optional<WholeBatch> whole_batch(bool training) {
  const BatchShare* const share = batch_share();
  if (!training || share == nullptr || !share->sum) return {};
  return WholeBatch(*share);
}

[[noreturn]] void refuse_one_value(const Shape& shape) {
  const bool shared = batch_share() != nullptr && !batch_share()->sum;
  fail("batch_norm", "training needs at least two values a channel to have a variance; input {}{}",
       shape,
       shared
           ? "; this rank has 1 image of the batch: synchronised_statistics, drop_last or a larger "
             "batch"
           : "");
}

void move_towards(real& running, double value, double momentum) {
  running = static_cast<real>((1 - momentum) * static_cast<double>(running) + momentum * value);
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, Tensor& running_mean,
                  Tensor& running_var, const BatchNormOptions& options) {
  check_batch_norm(x, gamma, beta, running_mean, running_var, options);
  const Index channels = x.dim(1);
  const Layout layout{x.dim(0), channels, x.size() / std::max<Index>(x.dim(0) * channels, 1)};
  const bool training = options.training;
  std::optional<WholeBatch> whole = whole_batch(training);
  if (whole) {  // around what all have alike
    whole->sum(layout, [&](Index first, Index width) {
      const real *px = x.data(), *pivot = std::as_const(running_mean).data() + first;
      return layout.sums(first, width, [=](Index i, Index j) { return around(px[i], pivot[j]); });
    });
  }
  const double n = whole ? whole->count() : static_cast<double>(layout.count());
  if (training && n < 2) refuse_one_value(x.shape());
  Tensor y = Tensor::empty(x.shape());
  Tensor mean = Tensor::empty({channels}), inverse_std = Tensor::empty({channels});
  layout.for_blocks([&](Index first, Index width) {
    const real* px = x.data();
    real* m = mean.data() + first;
    real* inverse = inverse_std.data() + first;
    BlockSums sums{};
    BlockValues pivot{};
    if (whole) {
      for (Index j = 0; j < width; ++j) pivot[j] = running_mean.data()[first + j];
      sums = whole->of_block(first, width);
    } else if (training) {
      for (Index j = 0; j < width; ++j) pivot[j] = px[(first + j) * layout.plane];
      sums = layout.sums(first, width, [&](Index i, Index j) { return around(px[i], pivot[j]); });
    }
    for (Index j = 0; j < width; ++j) {
      double mu = running_mean.data()[first + j], variance = running_var.data()[first + j];
      if (training) {
        const Moments batch(sums[j], pivot[j], n);
        mu = batch.mean;
        variance = batch.variance;
        move_towards(running_mean.data()[first + j], mu, options.momentum);
        move_towards(running_var.data()[first + j], variance * n / (n - 1), options.momentum);
      }
      m[j] = static_cast<real>(mu);
      inverse[j] = static_cast<real>(1 / std::sqrt(variance + options.eps));
    }
    layout.fill(y.data(), first, width,
                [=, g = gamma.data() + first, b = beta.data() + first](Index i, Index j) {
                  return (px[i] - m[j]) * (inverse[j] * g[j]) + b[j];
                });
  });
  Backward backward = [=](const Tensor& dy) -> Gradients {
    Tensor dx = x.wants_grad() ? Tensor::empty(x.shape()) : Tensor();
    Tensor dgamma = Tensor::empty({channels}), dbeta = Tensor::empty({channels});
    const auto own_sums = [&](Index first, Index width) {
      const real *px = x.data(), *pdy = dy.data(), *m = mean.data() + first;
      return layout.sums(first, width, [=](Index i, Index j) {
        const auto d = static_cast<double>(pdy[i]);
        return Sums{d, d * (px[i] - m[j])};
      });
    };
    std::optional<WholeBatch> of_all = whole;
    if (of_all) of_all->sum(layout, own_sums);
    layout.for_blocks([&](Index first, Index width) {
      const real* px = x.data();
      const real* pdy = dy.data();
      const real* m = mean.data() + first;
      const BlockSums sums = own_sums(first, width);
      const BlockSums all = of_all ? of_all->of_block(first, width) : sums;
      BlockValues scale{}, of_beta{}, of_gamma{};  // dx = scale (dy − of_beta − (x − μ) of_gamma)
      for (Index j = 0; j < width; ++j) {
        const double inverse = inverse_std.data()[first + j];
        dbeta.data()[first + j] = static_cast<real>(sums[j].a);
        dgamma.data()[first + j] = static_cast<real>(sums[j].b * inverse);
        scale[j] = static_cast<real>(inverse * gamma.data()[first + j]);
        if (!training) continue;
        of_beta[j] = static_cast<real>(all[j].a / n);
        of_gamma[j] = static_cast<real>(all[j].b * inverse * inverse / n);
      }
      if (!dx.defined()) return;
      layout.fill(dx.data(), first, width, [&](Index i, Index j) {
        return scale[j] * (pdy[i] - of_beta[j] - (px[i] - m[j]) * of_gamma[j]);
      });
    });
    Gradients all = {dx, dgamma, dbeta};
    if (!training) all.resize(5);  // the running statistics are constants
    return all;
  };
  std::vector<Tensor> inputs = {x, gamma, beta};
  if (!training) inputs.insert(inputs.end(), {running_mean, running_var});
  return record("batch_norm", y, std::move(inputs), {x, gamma}, {{"eps", options.eps}},
                std::move(backward));
}

}  // namespace limbeck
