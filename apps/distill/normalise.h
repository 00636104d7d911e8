// --normalise: networks that begin with Normalize (nn/normalize.h), by the training images.
#pragma once

#include <optional>

#include "apps/distill/settings.h"
#include "data/dataset.h"

namespace limbeck {

// With --normalise, normalize+ before the specs of the networks that are made here, a teacher from
// a file not among them: whatever tells a spec tells that, too.
DistillSettings with_normalise(DistillSettings settings);

// What networks of such specs are to know of the images; none: there is no such spec. Error: a
// channel that is the same everywhere.
std::optional<ChannelStatistics> channels_for(const DistillSettings& settings,
                                              const Dataset& train);

}  // namespace limbeck
