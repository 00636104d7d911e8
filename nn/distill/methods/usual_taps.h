// Which modules a method on features compares if nobody says.
#pragma once

#include <string>

#include "core/shape.h"
#include "nn/distill/methods/features.h"

namespace limbeck {

// What a method asks of its features.
enum class TapKind {
  last,    // what the classifier sees, on both sides
  maps,    // feature maps (K, H, W): the last ones on both sides
  middle,  // two that a regressor leads between (methods/hint.h), as near to the middle as there
           // are
};

// The stages of a network are its children from one with a matrix of weights to before the next,
// without the last such, which is the classifier; the output of a stage is that of its last module
// that is neither Flatten nor Dropout. Of all pairs of stages that fit, the one nearest to where
// the method wants it, the deeper one among equals. In mlp:30,30 the stages are "2" and "4", its
// ReLUs; in cnn-large the last is "16", a pooling.
// Looks at what both give for one blank image, in evaluation mode and without gradients.
// Error, in the name of `method`: no pair that fits, with the stages of both and their shapes.
TapPaths usual_taps(const std::string& method, TapKind kind, Module& student, Module& teacher,
                    const Shape& image);

}  // namespace limbeck
