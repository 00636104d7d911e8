#include "data/mixup.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace limbeck {
namespace {

void check_options(const char* op, const MixOptions& options) {
  if (!(options.alpha > 0 && std::isfinite(options.alpha))) {
    fail(op, "alpha must be a positive number; got {}", options.alpha);
  }
  if (!(options.probability >= 0 && options.probability <= 1)) {
    fail(op, "the probability must be in [0, 1]; got {}", options.probability);
  }
}

void check_mixture(const char* op, const Mixture& mixture, Index images) {
  if (static_cast<Index>(mixture.others.size()) != images) {
    fail(op, "{} images need as many others; got {}", images, mixture.others.size());
  }
  for (const Index other : mixture.others) {
    if (other < 0 || other >= images) fail(op, "image {} asked of {}", other, images);
  }
}

// ln of a number from Gamma(a, 1): Marsaglia and Tsang, "A simple method for generating gamma
// variables", 2000; below 1 by Gamma(a + 1) · U^(1/a), whose logarithm does not underflow.
double log_gamma_variate(double a, Rng& rng) {
  if (a < 1) return log_gamma_variate(a + 1, rng) + std::log(1 - rng.uniform()) / a;
  const double d = a - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = rng.normal();
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double log_v = 3 * std::log(root), v = std::exp(log_v);
    if (std::log(1 - rng.uniform()) < x * x / 2 + d - d * v + d * log_v) {
      return std::log(d) + log_v;
    }
  }
}

// What both ways have in common: whether at all, and labels that no longer hold.
template <class Change>
BatchAugmentation mixing(const char* op, const MixOptions& options, Change change) {
  check_options(op, options);
  return [options, change](Batch& batch, Rng& rng) {
    if (!(rng.uniform() < options.probability)) return;
    change(batch.images, random_mixture(batch.images.dim(0), options.alpha, rng), rng);
    std::ranges::fill(batch.class_ids, -1);
  };
}

}  // namespace

double sample_beta(double alpha, Rng& rng) {
  if (!(alpha > 0 && std::isfinite(alpha))) {
    fail("sample_beta", "alpha must be a positive number; got {}", alpha);
  }
  const double a = log_gamma_variate(alpha, rng), b = log_gamma_variate(alpha, rng);
  return 1 / (1 + std::exp(b - a));
}

Mixture random_mixture(Index images, double alpha, Rng& rng) {
  const double share = sample_beta(alpha, rng);
  return {.share = share, .others = rng.permutation(images)};
}

void mix(Tensor& images, const Mixture& mixture) {
  check_mixture("mixup", mixture, images.dim(0));
  const Tensor before = images.clone();
  const Index one = images.shape().without_front().size();
  const auto share = static_cast<real>(mixture.share);
  real* out = images.data();
  const real* own = before.data();
  for (const Index other : mixture.others) {
    const real* const its = before.data() + other * one;
    for (Index j = 0; j < one; ++j) *out++ = share * *own++ + (1 - share) * its[j];
  }
}

CutBox cut_box(Index height, Index width, double share, Index centre_x, Index centre_y) {
  const double ratio = std::sqrt(1 - share);
  const auto half = [ratio](Index side) {
    return static_cast<Index>(ratio * static_cast<double>(side)) / 2;
  };
  const Index x = half(width), y = half(height);
  return {.x0 = std::clamp<Index>(centre_x - x, 0, width),
          .x1 = std::clamp<Index>(centre_x + x, 0, width),
          .y0 = std::clamp<Index>(centre_y - y, 0, height),
          .y1 = std::clamp<Index>(centre_y + y, 0, height)};
}

double cut_and_mix(Tensor& images, const Mixture& mixture, Index centre_x, Index centre_y) {
  check_mixture("cutmix", mixture, images.dim(0));
  const Tensor before = images.clone();
  const Index channels = images.dim(1), height = images.dim(2), width = images.dim(3);
  const CutBox box = cut_box(height, width, mixture.share, centre_x, centre_y);
  for (Index i = 0; i < images.dim(0); ++i) {
    const Index other = mixture.others[static_cast<std::size_t>(i)];
    for (Index c = 0; c < channels; ++c) {
      for (Index y = box.y0; y < box.y1; ++y) {
        const auto row = [&](Index image) {
          return ((image * channels + c) * height + y) * width + box.x0;
        };
        std::copy_n(before.data() + row(other), box.x1 - box.x0, images.data() + row(i));
      }
    }
  }
  return 1 - static_cast<double>(box.area()) / static_cast<double>(height * width);
}

BatchAugmentation mixup(const MixOptions& options) {
  return mixing("mixup", options,
                [](Tensor& images, const Mixture& mixture, Rng&) { mix(images, mixture); });
}

BatchAugmentation cutmix(const MixOptions& options) {
  return mixing("cutmix", options, [](Tensor& images, const Mixture& mixture, Rng& rng) {
    const Index x = rng.below(images.dim(3)), y = rng.below(images.dim(2));
    cut_and_mix(images, mixture, x, y);
  });
}

Tensor mixed_targets(std::span<const std::int32_t> class_ids, const Mixture& mixture,
                     Index classes) {
  constexpr const char* op = "mixed_targets";
  const auto n = static_cast<Index>(class_ids.size());
  check_mixture(op, mixture, n);
  Tensor targets = Tensor::zeros({n, classes});
  const auto put = [&](Index row, Index image, double share) {
    const std::int32_t label = class_ids[static_cast<std::size_t>(image)];
    if (label < 0 || label >= classes) {
      fail(op, "label {} of image {} is not one of the {} classes 0 to {}", label, image, classes,
           classes - 1);
    }
    targets.data()[row * classes + label] += static_cast<real>(share);
  };
  for (Index i = 0; i < n; ++i) {
    put(i, i, mixture.share);
    put(i, mixture.others[static_cast<std::size_t>(i)], 1 - mixture.share);
  }
  return targets;
}

}  // namespace limbeck
