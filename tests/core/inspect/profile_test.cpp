// Profile: what a step's time goes to; and that what takes it can be shared by many threads.
#include "core/inspect/profile.h"

#include <chrono>
#include <thread>

#include "core/autograd.h"
#include "core/kernels/plain.h"
#include "core/parallel.h"
#include "core/storage.h"
#include "nn/losses.h"
#include "nn/model_spec.h"
#include "optim/adam.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

void wait_ms(int ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

const OpTime* find(const std::vector<OpTime>& ops, const std::string& name, bool backward) {
  const auto found = std::ranges::find_if(
      ops, [&](const OpTime& op) { return op.op == name && op.backward == backward; });
  return found == ops.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("a profile names each op forward and backward, with the time that it took") {
  const Tensor w = Tensor::full({4}, 1).requires_grad();
  const Profile profile;
  for (int i = 0; i < 3; ++i) {
    const Tensor y = exp(w);
    wait_ms(4);  // is of the op that ends it
    sum(y).backward();
  }
  const std::vector<OpTime> ops = profile.ops();
  double all = 0;
  for (const OpTime& op : ops) all += op.ms;
  CHECK(all <= profile.ms());
  CHECK(all > 12);
  for (const char* name : {"exp", "sum"}) {
    for (const bool backward : {false, true}) {
      REQUIRE(find(ops, name, backward) != nullptr);
      CHECK(find(ops, name, backward)->calls == 3);
    }
  }
  CHECK(find(ops, "sum", false)->ms > 12);
  CHECK(ops[0].ms >= ops[1].ms);
}

TEST_CASE("what is alone is what no loop of two parts or more holds") {
  const Profile profile;
  parallel_for(10, 5, [](Index, Index) { wait_ms(8); });  // shared, on one thread or two
  parallel_for(10, 6, [](Index, Index) { wait_ms(3); });  // one part on any number
  wait_ms(2);
  const double alone = profile.alone_ms(), ms = profile.ms();
  CHECK(alone >= 5);
  CHECK(ms - alone >= 8);
  const std::vector<LoopTime> loops = profile.loops();
  REQUIRE(loops.size() == 1);
  CHECK(loops[0].n == 10);
  CHECK(loops[0].grain == 5);
}

TEST_CASE("a loop within a loop is the outer one's, and other threads' are not looked at") {
  const Profile profile;
  parallel_for(4, 1, [](Index, Index) { parallel_for(8, 1, [](Index, Index) { wait_ms(1); }); });
  std::thread([] { parallel_for(6, 1, [](Index, Index) { wait_ms(1); }); }).join();
  REQUIRE(profile.loops().size() == 1);
  CHECK(profile.loops()[0].n == 4);
}

TEST_CASE("on more threads, a loop takes as long as its largest part") {
  const Profile profile;
  parallel_for(10, 1, [](Index, Index) { wait_ms(10); });
  const double shared = profile.loops().at(0).ms;
  for (const auto& [threads, largest] : {std::pair{4, 0.3}, {64, 0.1}}) {
    const double before = profile.alone_ms(), ms = profile.ms_on(threads),
                 after = profile.alone_ms();
    CHECK(ms >= before + shared * largest);
    CHECK(ms <= after + shared * largest + 1e-9);
  }
}

TEST_CASE("the parts of a step's loops are even for 4, 8, 16 and 64 threads") {
  if (!pool_keeps_memory() || plain_kernels()) {
    MESSAGE("skipped: it takes minutes, and the parts are the same");
    return;
  }
  const int before = threads();
  set_threads(1);
  struct Step {
    const char* model;
    Index images;
  };
  for (const Step& step : {Step{"mlp:1200,1200", 128},
                           {"mlp:800,800", 128},
                           {"mlp:800,800", 32},
                           {"mlp:800,800", 512},
                           {"cnn:32,64,512", 128},
                           {"cnn:8,16,32", 128},
                           {"cnn-large", 128},
                           {"lenet5", 128}}) {
    const char* const spec = step.model;
    const Index images = step.images;
    Rng rng(1);
    Sequential model = make_model(spec, {1, 28, 28}, 10, {}, rng);
    Adam adam(model.parameters());
    const std::vector<std::int32_t> class_ids(static_cast<std::size_t>(images), 3);
    const Tensor x = uniform({images, 1, 28, 28}, 0, 1, rng);
    const Profile profile;
    adam.minimize(cross_entropy(model(x), class_ids));
    CHECK(!profile.loops().empty());
    for (const LoopTime& loop : profile.loops()) {
      const Index n = loop.n, grain = loop.grain;
      for (const Index count : {4, 8, 16, 64}) {
        if (n / grain < count) continue;  // too little work for all: each has some 10 µs
        const double mean = static_cast<double>(n) / static_cast<double>(count);
        CAPTURE(spec);
        CAPTURE(n);
        CAPTURE(count);
        CHECK(std::ceil(mean) / mean <= 1.15);
      }
    }
  }
  set_threads(before);
}
