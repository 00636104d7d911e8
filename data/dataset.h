// Dataset: labelled images as bytes, as MNIST has them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/random.h"

namespace limbeck {

// N images of one shape and their labels. Pixels stay bytes, a quarter of the memory of floats, and
// become reals batch by batch.
struct Dataset {
  Shape image;                          // (C, H, W) of one; MNIST: (1, 28, 28)
  Index classes = 0;                    // labels are 0 … classes − 1
  std::vector<std::uint8_t> pixels;     // N · C · H · W, 0 background, 255 ink
  std::vector<std::int32_t> class_ids;  // N; −1 where the label is not known

  Index size() const { return static_cast<Index>(class_ids.size()); }
  // Error, in the name of `op`: pixels that are not size() images of this shape, or a label that is
  // none of the classes, nor −1, which says that there is none. Whoever takes a dataset asks once.
  void check(const char* op) const;
  // The bytes of image i. Error: there is no image i.
  std::span<const std::uint8_t> pixels_of(Index i) const;
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
  std::vector<std::int32_t> class_ids;  // N
  std::vector<Index> indices;           // N: where in the dataset each came from
  Index view = 0;                       // which of DataLoaderOptions::views, where there are some
};

// The images `indices` of a dataset as a batch: each byte divided by 255.
Batch make_batch(const Dataset& data, std::span<const Index> indices);

}  // namespace limbeck
