// Dataset: labelled images as bytes, as MNIST has them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/random.h"

namespace limbeck {

// Of each channel's values, which a batch has in [0, 1] (data/channel_statistics.h).
struct ChannelStatistics {
  std::vector<double> mean{};  // C of them, μ
  std::vector<double> deviation{};  // √(Σ (x − μ)² / n), over the channel's n values in all images
};

// N images of one shape and their labels. Pixels stay bytes, a quarter of the memory of floats, and
// become reals batch by batch.
struct Dataset {
  Shape image;                          // (C, H, W) of one; MNIST: (1, 28, 28)
  Index classes = 0;                    // labels are 0 … classes − 1
  std::vector<std::uint8_t> pixels;     // N · C · H · W, 0 background, 255 ink
  std::vector<std::int32_t> class_ids;  // N, −1 where the label is not known; empty: none is
  // Where somebody has put them there, those of the images that a network learns from: select() and
  // sample() keep them, so that a part of a set is scaled like the whole.
  std::optional<ChannelStatistics> channels{};

  Index size() const;  // N
  // The label of image i, or −1. Error: there is no image i.
  std::int32_t label_of(Index i) const;
  // Error, in the name of `op`: pixels that are not size() images of this shape, or a label that is
  // none of the classes, nor −1, which says that there is none. Whoever takes a dataset asks once.
  void check(const char* op) const;
  // Error, in the name of `op`: an image without a label, for who cannot do without.
  void check_labelled(const char* op) const;
  // Eight digits that other images or labels do not have, but by a rare accident
  // (core/files/checksum.h).
  std::string checksum() const;
  // The bytes of image i, while the dataset lives. Error: there is no image i.
  std::span<const std::uint8_t> pixels_of(Index i) const&;
  std::span<const std::uint8_t> pixels_of(Index i) const&& = delete;
  // Images `indices`, in that order, as a dataset of its own. Error: one that is not there.
  Dataset select(std::span<const Index> indices) const;
  // n images chosen at random, without repetition. Error: n is below 1 or above size().
  Dataset sample(Index n, Rng& rng) const;
};

// What a learner gets: two sets of the same kind.
struct TrainTest {
  Dataset train;  // to learn from
  Dataset test;   // to be judged by
};

// Some images with their labels, ready for a network.
struct Batch {
  Tensor images;                        // (N, C, H, W), values in [0, 1]
  std::vector<std::int32_t> class_ids;  // N; −1 where the label is not known
  std::vector<Index> indices;           // N: where in the dataset each came from
  Index view = 0;                       // which of DataLoaderOptions::views, where there are some
};

// The images `indices` of a dataset as a batch: each byte divided by 255.
Batch make_batch(const Dataset& data, std::span<const Index> indices);

}  // namespace limbeck
