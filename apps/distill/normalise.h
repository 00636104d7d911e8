// --normalise: networks that begin with Normalize (nn/normalize.h), by the training images.
#pragma once

#include <string>

#include "apps/distill/settings.h"

namespace limbeck {

// With --normalise, normalize+ before the specs of the networks that are made here, assistants
// among them, a teacher from a file not, nor generations, which are like it: whatever tells a spec
// tells that, too.
DistillSettings with_normalise(DistillSettings settings);

}  // namespace limbeck
