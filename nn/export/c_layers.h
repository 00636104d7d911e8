// The layers of a network as C code and integer arithmetic want them: fewer kinds, one form.
#pragma once

#include <vector>

#include "nn/export/plain_layers.h"

namespace limbeck {

// plain_layers(), made simpler: all shapes are (C, H, W), features being (D, 1, 1); Flatten, which
// moves nothing, is gone; and a global mean is an avg_pool whose window is the whole plane. What is
// left: linear, conv2d, relu, max_pool, avg_pool, add.
// Error: that of plain_layers, weights that are not finite as floats, a Linear that does not get
// features, a dilated conv2d, or a network in which nothing is left.
std::vector<PlainLayer> c_layers(Module& network, const Shape& image);

}  // namespace limbeck
