// The run of mnist_distill: from data to results.
#pragma once

#include "apps/distill/settings.h"

namespace limbeck {

// Trains or takes a teacher, trains students on labels and from its answers, prints pictures and
// table, and keeps what the settings ask for. Error: data, files or options that are not as they
// should be. Stopped: by Ctrl-C or SIGTERM, with checkpoints to go on from. Of several ranks, which
// train together, the first writes and prints.
void run_distill(const DistillSettings& settings, const Ranks& ranks);

}  // namespace limbeck
