// The same user's other source, which has names of its own for what the library also has, and takes
// all of the library's headers: neither gets in the other's way.
struct Tensor {
  int size = 1;
};
enum Index { first, second };
using real = int;
int relu(int x) {
  return x < 0 ? 0 : x;
}

#include <limbeck/limbeck.h>

int sum_by_all_headers() {
  const limbeck::Tensor ones = limbeck::Tensor::full({2}, 1);
  return relu(-1) + Tensor{}.size + static_cast<int>(limbeck::sum(ones).item());
}
