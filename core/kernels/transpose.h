// A matrix turned.
#pragma once

#include "core/shape.h"

namespace limbeck {

// y[i · y_row + j] = x[j · x_row + i] for i < rows and j < columns: squares of eight by eight are
// turned in registers, so that memory is read and written by lines.
void transposed(real* y, Index y_row, const real* x, Index x_row, Index rows, Index columns);

}  // namespace limbeck
