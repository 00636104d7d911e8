// Judging a classifier on a dataset. All of it runs in evaluation mode, without gradients, and
// leaves the model in the mode in which it found it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "nn/module.h"

namespace limbeck {

class Ranks;

namespace detail {

// Images that a network is asked about at once where it does not learn: enough to keep the products
// large, and in cache.
inline constexpr Index images_at_once = 500;

// The same where ranks share so many images; and whether a part that begins there is this rank's.
// Where there are too few for all, each rank has all of them.
Index images_at_once_of(const Ranks* ranks, Index images);
bool is_own_part(const Ranks* ranks, Index images, Index begin);

}  // namespace detail

// The model's logits for every image, in order: (N, C). With ranks (nn/train/ranks.h) each works on
// its share, all of them must call it, and all get the same.
Tensor logits_of(Module& model, const Dataset& data, const Ranks* ranks = nullptr);

// The class that the model decides for, image by image.
std::vector<std::int32_t> predict(Module& model, const Dataset& data, const Ranks* ranks = nullptr);

// The number of images for which the decision is not the label. Error: another number of decisions
// than images, or an image without a label.
Index count_errors(std::span<const std::int32_t> decisions, const Dataset& data);
Index count_errors(Module& model, const Dataset& data);

// Row i, column j: how many images of class i the decisions take for class j, C × C. Error: another
// number of decisions than images, an image without a label, or a decision that is no class.
std::vector<std::vector<Index>> confusion_matrix(std::span<const std::int32_t> decisions,
                                                 const Dataset& data);

// The share of cases in which two models decide alike, right or wrong, in [0, 1]. How much of a
// teacher a student has taken over shows here rather than in its errors. Error: different numbers
// of decisions, or none.
double agreement(std::span<const std::int32_t> a, std::span<const std::int32_t> b);

}  // namespace limbeck
