// One team of threads: what a training step needs is made before the first ones and stays.
#include <filesystem>
#include <set>

#include "core/function_ref.h"
#include "core/kernels/plain.h"
#include "core/parallel.h"
#include "core/storage.h"
#include "data/data_loader.h"
#include "data/synthetic_digits.h"
#include "nn/losses.h"
#include "nn/model_spec.h"
#include "optim/adam.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// The kernel's numbers of all threads of this process.
std::set<std::string> thread_ids() {
  std::set<std::string> ids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    ids.insert(entry.path().filename().string());
  }
  return ids;
}

// Calls `step` until all threads are there, then so many times more, with so many threads.
void check_steps(int count, int steps, FunctionRef<void()> step) {
  const int before = threads();
  set_threads(count);
  for (int i = 0; i < 3; ++i) step();
  const std::set<std::string> at_first = thread_ids();
  CHECK(static_cast<int>(at_first.size()) >= count);
  for (int i = 0; i < steps; ++i) step();
  CHECK(thread_ids() == at_first);
  set_threads(before);
}

}  // namespace

TEST_CASE("training steps make no thread and end none") {
  if (!pool_keeps_memory() || plain_kernels()) {
    MESSAGE(
        "skipped: under AddressSanitizer or on plain kernels it takes minutes, and finds nothing "
        "more");
    return;
  }
  const Dataset digits = synthetic_digits({.train = 24 * 110, .test = 1}).train;
  const auto check = [&](const char* spec, int count, int steps) {
    CAPTURE(spec);
    CAPTURE(count);
    Rng rng(1);
    Sequential model = make_model(spec, digits.image, digits.classes, {.dropout = 0.3}, rng);
    Adam adam(model.parameters());
    DataLoader loader(digits, {.batch_size = 24, .augment = random_shift(2)}, rng);
    auto batch = loader.begin();
    check_steps(count, steps, [&] {
      REQUIRE(!(batch == loader.end()));
      adam.minimize(cross_entropy(model((*batch).images), (*batch).class_ids));
      ++batch;
    });
  };
  for (const char* spec : {"mlp:800,128", "cnn:8,16,32", "cnn-tiny"}) {
    for (const int count : {4, 8, 16}) check(spec, count, 100);
  }
  // Attention; and convolutions that go another way.
  check("vit-tiny", 4, 20);
  check(
      "layers: conv 8 3 stride 2, gn 2, relu, depthwise 3, conv 16 1, bn, avgpool 2, flatten, "
      "linear",
      4, 20);
}
