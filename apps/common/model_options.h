// What a network that is made for a set of images is to know of them.
#pragma once

#include <string>

#include "data/dataset.h"
#include "nn/model_spec.h"

namespace limbeck {

// Whether a spec says that its network begins with Normalize.
inline bool is_normalized(const std::string& spec) {
  return spec.starts_with(normalize_prefix);
}

// For make_model(), of a network that learns from these images: if its spec begins with normalize+,
// their means and deviations, which are train.channels or, where that is not there, are worked out
// in one pass. Error: a channel that is the same everywhere, for such a spec.
ModelOptions model_options(const std::string& spec, const Dataset& train, double dropout);

}  // namespace limbeck
