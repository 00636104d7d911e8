// A layer by hand: a transposed convolution, from ops alone. Zeros between the pixels of the image,
// a frame around it, and a convolution with the kernels turned around.
#include <fmt/format.h>
#include <limbeck/limbeck.h>
#include <limbeck/testing.h>

using namespace limbeck;

namespace {

// (…, D, …) → (…, (D − 1) stride + 1, …), zeros between.
Tensor spread(const Tensor& x, int dim, Index stride) {
  const Index size = x.dim(dim);
  std::vector<Tensor> parts;
  for (const Tensor& place : split(x, dim, 1)) {
    parts.push_back(pad(place, dim, {.after = stride - 1}));
  }
  return slice(concat(parts, dim), dim, 0, (size - 1) * stride + 1);
}

// (…, D, …) in the opposite order.
Tensor turned(const Tensor& x, int dim) {
  std::vector<Tensor> places = split(x, dim, 1);
  std::ranges::reverse(places);
  return concat(places, dim);
}

class MyConvTranspose2d : public Module {
 public:
  MyConvTranspose2d(Index in, Index out, Index kernel, Index stride, Rng& rng)
      : weight(Tensor::empty({in, out, kernel, kernel})), stride_(stride) {
    for (real& w : weight.values()) w = static_cast<real>(rng.normal() / 4);
    weight.requires_grad();
  }
  std::string describe() const override { return "MyConvTranspose2d"; }

  Tensor weight;  // (C_in, C_out, k, k)

 protected:
  Tensor forward(const Tensor& x) override {
    const Index around = weight.dim(-1) - 1;
    Tensor wide = spread(spread(x, -1, stride_), -2, stride_);
    for (const int dim : {-1, -2}) wide = pad(wide, dim, {.before = around, .after = around});
    const Tensor kernels = permute(turned(turned(weight, -1), -2), {1, 0, 2, 3});
    return conv2d(wide, kernels, Tensor(), {});
  }
  void parts(Parts& parts) override { parts("weight", weight); }

 private:
  Index stride_;
};

}  // namespace

int main() {
  Rng rng(1);
  MyConvTranspose2d mine(3, 2, 4, 2, rng);
  ConvTranspose2d theirs({.in = 3, .out = 2, .kernel = 4, .stride = 2, .bias = false}, rng);
  std::ranges::copy(mine.weight.values(), theirs.weight.values().begin());
  const Tensor x = testing::random_tensor({2, 3, 4, 5}, 2);
  const double off = testing::difference(mine(x), theirs(x));
  const double gradient = testing::gradient_error(mine, x);
  fmt::print("{}: off by {:.1e}, gradients by {:.1e}\n", mine(x).shape(), off, gradient);
  return off < 1e-5 && gradient < 0.05 ? 0 : 1;
}
