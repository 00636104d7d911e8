// Weights in memory: kept and put back, and given to another network.
#include "nn/batch_norm.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/models.h"
#include "nn/weights.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// With parameters and buffers.
Sequential network(std::uint64_t seed, Index out = 3) {
  Rng rng(seed);
  return Sequential(Linear({.in = 4, .out = out}, rng), BatchNorm1d({.channels = out}));
}

}  // namespace

TEST_CASE("a state that is kept comes back, whatever a training did in between") {
  Sequential net = network(1);
  net(random_tensor({5, 4}, 2));  // moves the running statistics
  const State keep = state_of(net);
  net.eval();
  const Tensor x = random_tensor({6, 4}, 3);
  const Tensor before = net(x);
  for (NamedTensor& part : named_state(net)) std::ranges::fill(part.tensor.values(), real(0.5));
  CHECK(difference(net(x), before) > 0.1);
  restore(net, keep);
  CHECK(same_bits(net(x), before));
  restore(net, keep);  // as often as one likes
  CHECK(same_bits(net(x), before));
  CHECK(net.parameters()[0].wants_grad());
}

TEST_CASE(
    "copy_state makes two networks of the same layers answer alike, each by weights of its own") {
  Sequential net = network(1), twin = network(2);
  net(random_tensor({5, 4}, 2));
  copy_state(net, twin);
  net.eval();
  twin.eval();
  const Tensor x = random_tensor({6, 4}, 3);
  CHECK(same_bits(net(x), twin(x)));
  twin.parameters()[0].values()[0] += 1;
  CHECK_FALSE(same_bits(net(x), twin(x)));
}

TEST_CASE("a copy between networks that differ names the difference, and changes nothing") {
  Sequential net = network(1), wider = network(2, 5);
  const State before = state_of(wider);
  CHECK(error_of([&] { copy_state(net, wider); }) ==
        "copy_state: Sequential: 0.weight is (3, 4), and the network's is (5, 4)");
  net.set_name("teacher");
  Rng rng(1);
  Sequential shorter(Linear({.in = 4, .out = 3}, rng));
  CHECK(error_of([&] { copy_state(net, shorter); }) ==
        "copy_state: teacher: its tensors are not those of the network: not known 1.weight, "
        "1.bias, 1.running_mean, 1.running_var");
  CHECK(error_of([&] { restore(net, state_of(shorter)); }) ==
        "restore: the state: its tensors are not those of the network: missing 1.weight, 1.bias, "
        "1.running_mean, 1.running_var");
  const State after = state_of(wider);
  for (std::size_t i = 0; i < before.tensors.size(); ++i) {
    CHECK(same_bits(before.tensors[i].tensor, after.tensors[i].tensor));
  }
}
