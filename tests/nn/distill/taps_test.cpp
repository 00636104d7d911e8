// Taps: a module's true output, of the very batch, once.
#include "nn/distill/taps.h"

#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/models.h"
#include "nn/output_watch.h"
#include "nn/pooling.h"
#include "nn/train/evaluate.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

const Dataset& images() {
  static const Dataset data = rows_of_light(40, 1);
  return data;
}

Tensor batch_of(Index n) {
  std::vector<Index> rows;
  for (Index i = 0; i < n; ++i) rows.push_back(i);
  return make_batch(images(), rows).images;
}

Sequential small() {
  Rng rng(1);
  return mlp({16, 8, 4}, {}, rng);
}

// A module that calls its part as often as it is told, and has another that it never calls.
class Calls : public Module {
 public:
  Calls(Index times, Rng& rng)
      : times_(times), part_({.in = 16, .out = 16}, rng), idle_({.in = 16, .out = 16}, rng) {}
  std::string describe() const override { return "Calls"; }

 protected:
  Tensor forward(const Tensor& x) override {
    Tensor y = flatten(x);
    for (Index i = 0; i < times_; ++i) y = part_(y);
    return y;
  }
  void parts(Parts& parts) override { parts("part", part_), parts("idle", idle_); }

 private:
  Index times_;
  Linear part_, idle_;
};

}  // namespace

TEST_CASE("a tap of each layer is what the layer gives by itself, fused or not") {
  Rng rng(3);
  for (const char* kind : {"perceptron", "convolution"}) {
    CAPTURE(kind);
    Sequential net =
        kind[0] == 'p'
            ? mlp({16, 8, 6, 4}, {}, rng)
            : Sequential(Conv2d({.in = 1, .out = 3, .kernel = 3, .padding = 1}, rng), ReLU(),
                         MaxPool2d({.kernel = 2}), Flatten(), Linear({.in = 12, .out = 4}, rng));
    const Tensor x = batch_of(9), usual = net(x);
    Tensor by_hand = x;
    for (std::size_t i = 0; i < net.size(); ++i) {
      by_hand = net[i](by_hand);
      TapWatch taps("test", "student", net, {std::to_string(i)}, images());
      CHECK(taps.shapes().at(0) == by_hand.shape().without_front());
      CHECK(taps.classes() == 4);
      const Tensor answer = taps.run([&] { return net(x); });
      CHECK(difference(answer, usual) < 1e-5);
      const Tensor tapped = taps.take().at(0);
      CHECK(same_bits(tapped, by_hand));
      CHECK(tapped.wants_grad() == (i > 0 || kind[0] == 'c'));  // a Flatten learns nothing
    }
  }
}

TEST_CASE("several paths are caught at once, in their order, one twice if it is named twice") {
  Sequential net = small();
  net.set_name("student");
  const Tensor x = batch_of(5), hidden = net[1](net[0](x));
  TapWatch taps("test", "student", net, {"3", "1", "student.1", "student"}, images());
  const Tensor answer = taps.run([&] { return net(x); });
  const std::vector<Tensor> found = taps.take();
  REQUIRE(found.size() == 4);
  CHECK(same_bits(found[0], answer));
  CHECK(same_bits(found[1], hidden));
  CHECK(same_bits(found[2], hidden));
  CHECK(same_bits(found[3], answer));
  CHECK(error_of([&] { taps.take(); }) ==
        "test: the student's taps were not filled since they were taken");
}

TEST_CASE("a tap has nothing of what the network computes beside its run") {
  Sequential net = small();
  TapWatch taps("test", "student", net, {"1"}, images());
  taps.run([&] { return net(batch_of(5)); });
  logits_of(net, images());  // judged in between
  CHECK(taps.take().at(0).dim(0) == 5);
  logits_of(net, images());
  CHECK(contains(error_of([&] { taps.take(); }), "were not filled"));
}

TEST_CASE("a path of no module is refused with a list of what there is") {
  Sequential net = small();
  CHECK(
      error_of([&] {
        TapWatch("test", "student", net, {"1", "7"}, images());
      }) ==
      "test: the student has no module \"7\"; what it has, and gives for an image: 0 (16), 1 (8), "
      "2 (8), 3 (4)");
  CHECK(contains(error_of([&] { TapWatch("test", "student", net, {""}, images()); }),
                 "has no module \"\""));
}

TEST_CASE("a tap of what does not run, or runs more than once, is refused") {
  Rng rng(1);
  Calls once(1, rng), twice(2, rng);
  TapWatch("test", "student", once, {"part"}, images());
  CHECK(error_of([&] { TapWatch("test", "student", once, {"idle"}, images()); }) ==
        "test: the student's module \"idle\" is not called when the network computes, so it has no "
        "output to tap");
  CHECK(error_of([&] { TapWatch("test", "teacher", twice, {"part"}, images()); }) ==
        "test: the teacher's module \"part\" runs 2 times for a batch: a tap needs one output");
  TapWatch taps("test", "student", once, {"part"}, images());
  CHECK(contains(error_of([&] { taps.run([&] { return once(batch_of(2)), once(batch_of(3)); }); }),
                 "runs 2 times for a batch"));
  CHECK(contains(error_of([&] { taps.run([&] { return batch_of(3); }); }), "is not called"));
}

TEST_CASE("a tap must have a row an image") {
  Rng rng(1);
  Sequential turned(
      [](const Tensor& x) {
        return reshape(x, {16, x.dim(0)});
      },
      [](const Tensor& x) {
        return reshape(x, {x.dim(1), 16});
      },
      Linear({.in = 16, .out = 4}, rng));
  CHECK(error_of([&] { TapWatch("test", "student", turned, {"0"}, images()); }) ==
        "test: the student's module \"0\" gives (16, 1) for one image: a tap needs a row an image");
  const Tensor x = batch_of(3);
  Sequential odd(
      [n = Index{0}](const Tensor& t) mutable {
        return reshape(t, n++ == 0 ? Shape{1, 16} : Shape{2, 24});
      },
      [](const Tensor& t) {
        return reshape(t, {t.size() / 16, 16});
      },
      Linear({.in = 16, .out = 4}, rng));
  TapWatch later("test", "student", odd, {"0"}, images());
  CHECK(error_of([&] { later.run([&] { return odd(x); }); }) ==
        "test: the student's module \"0\" gives (2, 24) for 3 images: a tap needs a row an image");
}

TEST_CASE("several watch at once, each its own modules, until they end") {
  Sequential net = small();
  const Tensor x = batch_of(2);
  int outer = 0, inner = 0, all = 0;
  {
    const OutputWatch first({&net[1]}, [&](const Module&, const Tensor&) { ++outer; });
    CHECK(is_watched(net[1]));
    CHECK_FALSE(is_watched(net[2]));
    {
      const OutputWatch second({&net[2], &net[1]}, [&](const Module&, const Tensor&) { ++inner; });
      CHECK(is_watched(net[2]));
      net(x);
    }
    CHECK_FALSE(is_watched(net[2]));
    const OutputWatch third([&](const Module&, const Tensor&) { ++all; });
    net(x);
  }
  net(x);
  CHECK_FALSE(is_watched(net[1]));
  CHECK(outer == 2);
  CHECK(inner == 2);
  CHECK(all == 5);  // four layers, and the network
}
