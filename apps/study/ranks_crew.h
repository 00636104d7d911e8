// The ranks of mpirun as the crew of a study.
#pragma once

#include "apps/study/crew.h"
#include "core/function_ref.h"
#include "nn/train/ranks.h"

namespace limbeck {

// Calls `work` at each rank with the crew of them all. Rank 0 deals and does runs, too: it hears
// the others between two batches. Error: what `work` throws, at rank 0; Dismissed at the others.
// Where one rank alone cannot go on, it says why, and all stop.
void with_ranks(const Ranks& ranks, FunctionRef<void(Crew&)> work);

}  // namespace limbeck
