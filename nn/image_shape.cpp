#include "nn/image_shape.h"

#include "core/error.h"

namespace limbeck {

void check_image(const char* op, const Shape& image, Index least) {
  if (image.rank() == 3 && image.dim(0) >= 1 && image.dim(1) >= least && image.dim(2) >= least) {
    return;
  }
  fail(op, "images must be (C, H, W) with at least {0} × {0} pixels; got {1}", least, image);
}

}  // namespace limbeck
