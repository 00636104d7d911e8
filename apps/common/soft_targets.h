// A picture, in characters, of what a teacher tells its student about an image.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace limbeck {

// The image beside the teacher's probabilities, as bars, at T = 1 and at the temperature given.
// `logits` are the teacher's for this image, one a class. Two rows of pixels make a line. Error: T
// out of range, an image of other than one channel.
std::string soft_target_picture(std::span<const std::uint8_t> pixels, const Shape& image,
                                std::span<const real> logits, double temperature);

// Test images worth showing, all rightly recognised: one of which the teacher is about as sure as
// it usually is, one from its least sure twentieth, one from its least sure hundredth. Fewer if
// they coincide.
std::vector<Index> telling_images(const Tensor& teacher_logits, const Dataset& data);

}  // namespace limbeck
