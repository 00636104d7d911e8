#include "core/kernels/transpose.h"

#include "core/kernels/vector.h"

namespace limbeck {

void transposed(real* y, Index y_row, const real* x, Index x_row, Index rows, Index columns) {
  const Index whole_rows = rows / lanes * lanes, whole_columns = columns / lanes * lanes;
  const auto single = [&](Index i, Index j) { y[i * y_row + j] = x[j * x_row + i]; };
  for (Index j = 0; j < whole_columns; j += lanes) {
    for (Index i = 0; i < whole_rows; i += lanes) {
      Vector square[lanes];
      for (Index k = 0; k < lanes; ++k) square[k] = load(x + (j + k) * x_row + i);
      transpose(square);
      for (Index k = 0; k < lanes; ++k) store(y + (i + k) * y_row + j, square[k]);
    }
    for (Index k = j; k < j + lanes; ++k) {
      for (Index i = whole_rows; i < rows; ++i) single(i, k);
    }
  }
  for (Index i = 0; i < rows; ++i) {
    for (Index j = whole_columns; j < columns; ++j) single(i, j);
  }
}

}  // namespace limbeck
