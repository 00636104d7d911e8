// A layer by hand: group normalisation, from ops alone. It is what the library's own layer is, and
// its gradients are right.
#include <fmt/format.h>
#include <limbeck/limbeck.h>
#include <limbeck/testing.h>

using namespace limbeck;

namespace {

// y = γ (x − μ) / √(σ² + ε) + β, with μ and σ² over a group of channels of one image:
// (N, C, H, W) → (N, C, H, W).
class MyGroupNorm : public Module {
 public:
  MyGroupNorm(Index groups, Index channels)
      : groups_(groups),
        gamma(Tensor::full({channels, 1, 1}, 1).requires_grad()),
        beta(Tensor::zeros({channels, 1, 1}).requires_grad()) {}
  std::string describe() const override { return fmt::format("MyGroupNorm({})", groups_); }

 private:
  Index groups_;

 public:
  Tensor gamma, beta;

 protected:
  Tensor forward(const Tensor& x) override {
    const Tensor rows = reshape(x, {x.dim(0), groups_, x.size() / (x.dim(0) * groups_)});
    const Tensor centred = rows - mean(rows, -1, {.keep = true});
    const Tensor variance = mean(square(centred), -1, {.keep = true});
    return reshape(centred / sqrt(variance + 1e-5), x.shape()) * gamma + beta;
  }
  void parts(Parts& parts) override {
    parts("gamma", gamma);
    parts("beta", beta);
  }
};

}  // namespace

int main() {
  const Tensor x = testing::random_tensor({2, 6, 3, 3}, 1);
  MyGroupNorm mine(2, 6);
  GroupNorm theirs({.groups = 2, .channels = 6});
  const double off = testing::difference(mine(x), theirs(x));
  const double gradient = testing::gradient_error(mine, x);
  fmt::print("off by {:.1e}, gradients by {:.1e}\n", off, gradient);
  return off < 1e-5 && gradient < 0.05 ? 0 : 1;
}
