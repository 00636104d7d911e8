// The list of the ops that run.
#include "core/inspect/recording.h"

#include "nn/linear.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

std::string names_of(const OpRecording& recording) {
  std::string names;
  for (const RecordedOp& op : recording.ops()) names += fmt::format("{} ", op.op);
  return names;
}

}  // namespace

TEST_CASE(
    "a recording lists the ops that run, also where no gradient is wanted, and no gradient's") {
  const Tensor x = Tensor::from({2}, {1, 2}).requires_grad();
  const OpRecording recording;
  sum(relu(x) * 2).backward();
  const NoGrad no_grad;
  reshape(exp(x), {1, 2});
  CHECK(names_of(recording) == "relu mul sum exp reshape ");
}

TEST_CASE("a recorded op has its inputs, its result, its numbers and its layer") {
  Rng rng(1);
  Linear layer({.in = 2, .out = 3, .bias = false}, rng);
  layer.set_name("a");
  const Tensor x = Tensor::zeros({4, 2});
  const OpRecording recording;
  const Tensor y = layer(x);
  const Tensor z = clamp(y, -1, 0.5);
  REQUIRE(recording.ops().size() == 2);
  const RecordedOp& first = recording.ops()[0];
  CHECK(&first.inputs[0].body() == &x.body());
  CHECK(&first.inputs[1].body() == &layer.weight.body());
  CHECK(!first.inputs[2].defined());
  CHECK(&first.y.body() == &y.body());
  CHECK(*first.layer == "a (Linear)");
  CHECK(first.attributes.empty());
  const RecordedOp& second = recording.ops()[1];
  CHECK(second.layer == nullptr);
  REQUIRE(second.attributes.size() == 2);
  CHECK(std::string(second.attributes[0].name()) == "low");
  CHECK(second.attributes[0].values().size() == 1);
  CHECK(second.attributes[0].values()[0] == -1);
  CHECK(second.attributes[1].values()[0] == 0.5);
}

TEST_CASE("the innermost recording lists, and one that has ended no longer does") {
  const Tensor x = Tensor::zeros({2});
  const OpRecording outer;
  relu(x);
  {
    const OpRecording inner;
    tanh(x);
    CHECK(names_of(inner) == "tanh ");
  }
  exp(x);
  CHECK(names_of(outer) == "relu exp ");
}

TEST_CASE("a recording knows whose elements were changed afterwards") {
  Tensor x = Tensor::zeros({2});
  const OpRecording recording;
  const Tensor y = relu(x);
  const Tensor z = exp(y);
  CHECK(recording.changed() == nullptr);
  x.values()[0] = 0;  // what it is already
  CHECK(recording.changed() == nullptr);
  Tensor same = y;
  same.values()[0] = 3;
  REQUIRE(recording.changed() != nullptr);
  CHECK(recording.changed() == &recording.ops()[0]);
}

TEST_CASE("an attribute is a number, a height and a width, or several numbers") {
  const auto numbers = [](const Attribute& attribute) {
    return std::vector<double>(attribute.values().begin(), attribute.values().end());
  };
  CHECK(numbers({"a", true}) == std::vector<double>{1});
  CHECK(numbers({"a", Index{7}}) == std::vector<double>{7});
  CHECK(numbers({"a", Size2d(2, 3)}) == std::vector<double>{2, 3});
  CHECK(numbers({"a", Shape{4, 5, 6}}) == std::vector<double>{4, 5, 6});
  CHECK(numbers({"a", std::vector<int>{}}).empty());
  CHECK(error_of([] { Attribute("axes", std::vector<int>(13)); }) ==
        "record: attribute axes has more than 12 numbers");
}
