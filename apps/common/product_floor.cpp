#include "apps/common/product_floor.h"

#include "core/autograd.h"
#include "core/parallel.h"
#include "core/random.h"
#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/output_watch.h"

namespace limbeck {
namespace {

// y (m, n) from a depth of k, and the two products of the way back.
struct LayerProducts {
  Product forward, dweight, dinput;
};

// `rows` of them: n images, or the tokens of n images.
LayerProducts products_of(const Linear& layer, Index rows) {
  const Index in = layer.weight.dim(1), out = layer.weight.dim(0);
  return {.forward = {.sizes = {.m = rows, .n = out, .k = in, .transpose_b = true}},
          .dweight = {.sizes = {.m = out, .n = in, .k = rows, .transpose_a = true}},
          .dinput = {.sizes = {.m = rows, .n = in, .k = out}}};
}

LayerProducts products_of(const Conv2d& layer, Index n, const Shape& output) {
  const Index out = layer.options().out / layer.options().groups;
  const Index depth = layer.weight.shape().without_front().size();
  const Index pixels = output.dim(-1) * output.dim(-2);
  const Index images = n * layer.options().groups;
  return {.forward = {.sizes = {.m = out, .n = pixels, .k = depth}, .images = images},
          .dweight = {.sizes = {.m = out, .n = depth, .k = pixels, .transpose_b = true},
                      .images = images},
          .dinput = {.sizes = {.m = depth, .n = pixels, .k = out, .transpose_a = true},
                     .images = images}};
}

std::vector<LayerProducts> layer_products(Sequential& net, const Shape& image, Index n) {
  const NoGrad no_grad;
  const EvalMode eval_mode(net);
  std::vector<LayerProducts> all;
  const OutputWatch watch([&](const Module& layer, const Tensor& y) {
    if (const auto* linear = dynamic_cast<const Linear*>(&layer)) {
      all.push_back(products_of(*linear, n * y.shape().rows()));
    } else if (const auto* conv = dynamic_cast<const Conv2d*>(&layer)) {
      all.push_back(products_of(*conv, n, y.shape()));
    }
  });
  net(Tensor::zeros(image.with_front(1)));
  return all;
}

}  // namespace

std::vector<Product> forward_products(Sequential& net, const Shape& image, Index n) {
  std::vector<Product> products;
  for (const LayerProducts& layer : layer_products(net, image, n))
    products.push_back(layer.forward);
  return products;
}

std::vector<Product> training_products(Sequential& net, const Shape& image, Index n) {
  std::vector<Product> products;
  bool first = true;
  for (const LayerProducts& layer : layer_products(net, image, n)) {
    products.push_back(layer.forward);
    products.push_back(layer.dweight);
    if (!first) products.push_back(layer.dinput);
    first = false;
  }
  return products;
}

std::function<void()> bare(const std::vector<Product>& products) {
  struct Ready {
    Product product;
    Tensor a, b, c;  // of each image
  };
  std::vector<Ready> all;
  Rng rng(0);
  for (const Product& p : products) {
    const Index many = std::max<Index>(p.images, 1);
    all.push_back({.product = p,
                   .a = uniform({many, p.sizes.m * p.sizes.k}, -1, 1, rng),
                   .b = uniform({many, p.sizes.k * p.sizes.n}, -1, 1, rng),
                   .c = Tensor::zeros({many, p.sizes.m * p.sizes.n})});
  }
  return [all]() mutable {
    for (Ready& r : all) {
      const GemmSizes& s = r.product.sizes;
      if (r.product.images == 0) {
        blas_gemm(r.c.data(), r.a.data(), r.b.data(), s);
        continue;
      }
      parallel_for(r.product.images, 1, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) {
          gemm(r.c.data() + i * s.m * s.n, r.a.data() + i * s.m * s.k, r.b.data() + i * s.k * s.n,
               s);
        }
      });
    }
  };
}

}  // namespace limbeck
