// The matrix products in a network's step, and the time that they take alone: the least that the
// step can take as long as it computes them so.
#pragma once

#include <functional>
#include <vector>

#include "core/kernels/gemm.h"
#include "nn/sequential.h"

namespace limbeck {

struct Product {
  GemmSizes sizes;
  // 0: one product on all threads. Else so many products of this size, one an image, each on one
  // thread and the threads in parallel: how a convolution is best computed as products (im2col).
  Index images = 0;
};

// Of the network's forward pass for n images of this shape: x Wᵀ for each Linear, and for each
// Conv2d the product with its windows (im2col), wherever in the network they are. (What tokens have
// to do with one another in attention is no layer's.) Found by running the network once.
std::vector<Product> forward_products(Sequential& net, const Shape& image, Index n);

// And of a training step: for each layer the forward product, dW and, but for the first, dx.
std::vector<Product> training_products(Sequential& net, const Shape& image, Index n);

// A function that computes them all once, on operands of its own.
std::function<void()> bare(const std::vector<Product>& products);

}  // namespace limbeck
