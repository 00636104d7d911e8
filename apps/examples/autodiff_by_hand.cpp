// Reverse-mode differentiation of y = (x w + b)² + w², by hand and by the library: the numbers of
// core/README.md.
#include <fmt/format.h>

#include "core/autograd.h"
#include "core/ops.h"

using namespace limbeck;

namespace {

// In plain numbers: forward, every value once; backward, every gradient once.
void by_hand() {
  const double x = 3, w = 2, b = 1;
  const double p = x * w;
  const double q = p + b;
  const double s = q * q;
  const double r = w * w;
  const double y = s + r;

  const double dy = 1;
  const double dr = dy;                          // y = s + r
  const double ds = dy;                          //
  const double dq = ds * q + ds * q;             // s = q · q: two uses, two shares
  const double dp = dq;                          // q = p + b
  const double db = dq;                          //
  const double dx = dp * w;                      // p = x · w
  const double dw = (dr * w + dr * w) + dp * x;  // used twice by r, and by p
  fmt::print("by hand:     p {} q {} s {} r {} y {}   dx {} dw {} db {}\n", p, q, s, r, y, dx, dw,
             db);
}

// y = x. Tells the gradient of x when backward() passes by.
Tensor watch(const char* name, const Tensor& x) {
  return record("watch", x.detach(), {x}, [name](const Tensor& dy) -> Gradients {
    fmt::print("  d{} = {}\n", name, dy.item());
    return {dy};
  });
}

void by_the_library() {
  Tensor x = Tensor::scalar(3).requires_grad();
  Tensor w = Tensor::scalar(2).requires_grad();
  Tensor b = Tensor::scalar(1).requires_grad();
  const Tensor p = watch("p", x * w);
  const Tensor q = watch("q", p + b);
  const Tensor s = watch("s", q * q);
  const Tensor r = watch("r", w * w);
  const Tensor y = watch("y", s + r);

  fmt::print("backward, the latest created first:\n");
  y.backward();
  fmt::print("the library: p {} q {} s {} r {} y {}   dx {} dw {} db {}\n", p.item(), q.item(),
             s.item(), r.item(), y.item(), x.grad().item(), w.grad().item(), b.grad().item());
}

}  // namespace

int main() {
  by_hand();
  by_the_library();
}
