// A program's work by several ranks, of which the first speaks.
#pragma once

#include "core/function_ref.h"
#include "nn/train/ranks.h"

namespace limbeck {

// work(ranks), as each of the ranks as which the program was started; as one of one, if by nobody
// (nn/train/ranks.h). What others than the first print goes nowhere, and an error that all have
// alike is thrown to be told by the first alone. Another stops all ranks.
void work_as_ranks(FunctionRef<void(const Ranks& ranks)> work);

}  // namespace limbeck
