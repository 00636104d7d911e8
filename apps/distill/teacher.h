// A teacher that was trained elsewhere.
#pragma once

#include <optional>

#include "apps/common/data_options.h"
#include "apps/distill/chains.h"
#include "nn/prepared_input.h"

namespace limbeck {

struct GivenTeacher {
  Sequential network;
  Outcome outcome;       // on the test set
  InputOptions input{};  // what it has before it
  bool saved = true;     // whether --save keeps it
};

// The network of --teacher-weights or --teacher-onnx, none without them. Says what was read, how
// its tensors were matched, and what it makes of the test set, before anybody learns from it.
// Error, in the option's name: a file that cannot be read or is for other images or classes,
// answers or weights that are not finite, or, as try_objectives, an objective that it does not go
// with.
std::optional<GivenTeacher> given_teacher(const DistillSettings& settings, const ImageSets& data,
                                          RunTools& tools);

}  // namespace limbeck
