// How to look inside: the layers of a network, the graph of a loss, an error that names its layer,
// and the op that makes the first NaN. With LIMBECK_TRACE=1 in the environment it also prints every
// op that is computed.
//
//   apps/examples/look_inside | sed -n '/^digraph/,/^}/p' | dot -Tsvg > loss.svg
#include <fmt/format.h>

#include "core/error.h"
#include "core/inspect/debug.h"
#include "core/inspect/graph.h"
#include "core/ops.h"
#include "nn/losses.h"
#include "nn/models.h"

using namespace limbeck;

int main() {
  Rng rng(1);
  Sequential student = mlp({784, 32, 10}, {}, rng);
  student.set_name("student");
  fmt::print("{}\n", summary(student, {1, 28, 28}));

  const Tensor images = uniform({4, 1, 28, 28}, 0, 1, rng);
  const std::vector<std::int32_t> class_ids = {3, 1, 4, 1};
  const Tensor loss = cross_entropy(student(images), class_ids);
  fmt::print("{}\n", to_dot(loss));
  loss.backward();

  try {
    student(uniform({4, 100}, 0, 1, rng));
  } catch (const Error& error) {
    fmt::print("{}\n", error.what());
  }

  student.add([](const Tensor& x) { return log(x); });  // of logits, which may be negative
  try {
    const DetectAnomaly detect_anomaly;
    student(images);
  } catch (const Error& error) {
    fmt::print("{}\n", error.what());
  }
}
