// Pictures, in characters, of what a network says of an image: a teacher to its student, say.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "apps/common/class_names.h"
#include "data/dataset.h"

namespace limbeck {

// The image beside its classes' probabilities softmax(logits / T), as bars, a column for each T.
// `logits` are a network's for this image, one a class; of more than 20 classes the ten likeliest
// are shown. Two rows of pixels make a line; of colours those are drawn that are lighter than the
// image's mean. Error: T out of range, an image that is not (C, H, W).
std::string probability_picture(std::span<const std::uint8_t> pixels, const Shape& image,
                                std::span<const real> logits, std::span<const double> temperatures,
                                const ClassNames& names = {});

// The same of a teacher, at T = 1 and at the temperature given.
std::string soft_target_picture(std::span<const std::uint8_t> pixels, const Shape& image,
                                std::span<const real> logits, double temperature,
                                const ClassNames& names = {});

// Test images worth showing, all rightly recognised: one of which the teacher is about as sure as
// it usually is, one from its least sure twentieth, one from its least sure hundredth. Fewer if
// they coincide.
std::vector<Index> telling_images(const Tensor& teacher_logits, const Dataset& data);

}  // namespace limbeck
