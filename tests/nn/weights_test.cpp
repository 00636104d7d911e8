// A network's weights in files: ours, PyTorch's, and those that do not belong to it.
#include "nn/weights.h"

#include "core/storage.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/model_spec.h"
#include "nn/models.h"
#include "nn/pooling.h"
#include "nn/saved_model.h"
#include "nn/sequential.h"
#include "nn/train/evaluate.h"
#include "tests/apps/run_program.h"
#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Files that tests/nn/pytorch_model.py, run by PyTorch 1.13, wrote ("write").
const std::string pytorch = "tests/nn/pytorch/";

// The network of that script.
Sequential like_pytorch() {
  Rng rng(7);
  return Sequential(Conv2d({.in = 1, .out = 2, .kernel = 3, .padding = 1, .bias = false}, rng),
                    BatchNorm2d({.channels = 2}), ReLU(), MaxPool2d({.kernel = 2}), Flatten(),
                    Linear({.in = 18, .out = 4}, rng), ReLU(), Linear({.in = 4, .out = 3}, rng));
}

Tensor tensor_of(const TensorFile& file, const std::string& name) {
  for (const NamedTensor& t : file.tensors) {
    if (t.name == name) return t.tensor;
  }
  FAIL("no tensor " << name);
  return {};
}

std::vector<std::string> names_of(const std::vector<NamedTensor>& tensors) {
  std::vector<std::string> names;
  for (const NamedTensor& t : tensors) names.push_back(t.name);
  return names;
}

// What loading such a file into the network says.
std::string refusal(Sequential& network, const std::vector<NamedTensor>& tensors) {
  const Folder folder;
  const std::string file = folder.file("x.safetensors");
  write_safetensors(file, {.tensors = tensors, .metadata = {}});
  const std::string text = error_of([&] { load_weights(network, file); });
  const std::string start = "load_weights: " + file + ": ";
  return text.starts_with(start) ? text.substr(start.size()) : text;
}

}  // namespace

TEST_CASE("a network trained in PyTorch answers here as it did there") {
  Sequential network = like_pytorch();
  load_weights(network, pytorch + "model.safetensors");
  network.eval();
  const TensorFile answers = read_safetensors(pytorch + "answers.safetensors");
  CHECK(difference(network(tensor_of(answers, "x")), tensor_of(answers, "y")) < 1e-6);
}

TEST_CASE("PyTorch takes our weights, strictly, and answers as we do") {
  const std::string script = std::filesystem::absolute("tests/nn/pytorch_model.py").string();
  const std::string python = "/usr/bin/python3";  // Debian's, whatever comes first in the path
  if (run_command({python, "-c", "import torch"}).exit_code != 0) {
    MESSAGE("skipped: python3-torch is not installed");
    return;
  }
  const Folder folder;
  Sequential network = like_pytorch();
  network(random_tensor({5, 1, 6, 6}, 3));  // batch norm sees something
  save_weights(network, folder.file("ours.safetensors"));
  const Finished run = run_command(
      {python, script, "answer", folder.file("ours.safetensors"), folder.file("theirs")});
  REQUIRE_MESSAGE(run.exit_code == 0, run.err);
  const TensorFile theirs = read_safetensors(folder.file("theirs"));
  network.eval();
  CHECK(difference(network(tensor_of(theirs, "x")), tensor_of(theirs, "y")) < 1e-6);
}

TEST_CASE("names are those of PyTorch's state_dict") {
  Sequential network = like_pytorch();
  const std::vector<std::string> theirs =
      names_of(read_safetensors(pytorch + "model.safetensors").tensors);
  for (const std::string& name : names_of(named_state(network))) {
    CHECK_MESSAGE(std::ranges::find(theirs, name) != theirs.end(), name);
  }
  CHECK(theirs.size() == named_state(network).size());
}

TEST_CASE("layers without state, Flatten and Dropout say, may be there or not") {
  Rng rng(1);
  Sequential with = mlp({6, 4, 5, 3}, {.dropout = 0.5}, rng);
  Sequential without = mlp({6, 4, 5, 3}, {}, rng);
  const Folder folder;
  save_weights(with, folder.file("x.safetensors"));
  load_weights(without, folder.file("x.safetensors"));
  with.eval();
  without.eval();
  const Tensor x = random_tensor({7, 6}, 2);
  CHECK(difference(with(x), without(x)) < 1e-6);
}

TEST_CASE("weights that are not the network's are refused, and change nothing") {
  Rng rng(1);
  Sequential network = mlp({6, 4, 3}, {}, rng);
  const std::vector<NamedTensor> good = named_state(network);
  CHECK(names_of(good) == std::vector<std::string>{"1.weight", "1.bias", "3.weight", "3.bias"});
  const Tensor before = good[0].tensor.clone();
  const auto zeros = [](const Shape& shape) { return Tensor::zeros(shape); };
  const auto w1 = zeros({4, 6}), b1 = zeros({4}), w2 = zeros({3, 4}), b2 = zeros({3});
  CHECK(refusal(network, {{"1.weight", w1}, {"1.bias", b1}, {"3.weight", w2}}) ==
        "its tensors are not those of the network: missing 3.bias");
  CHECK(refusal(network, {{"fc.weight", w1}, {"fc.bias", b1}, {"3.weight", w2}, {"3.bias", b2}}) ==
        "its tensors are not those of the network: missing 1.weight, 1.bias; not known fc.weight, "
        "fc.bias");
  CHECK(refusal(network, {{"1.weight", w1},
                          {"1.bias", b1},
                          {"3.weight", zeros({10, 4})},
                          {"3.bias", zeros({10})}}) ==
        "3.weight is (10, 4), and the network's is (3, 4)");
  CHECK(refusal(network, {}) ==
        "its tensors are not those of the network: missing 1.weight, 1.bias, 3.weight, 3.bias");
  CHECK(same_bits(named_state(network)[0].tensor, before));
}

TEST_CASE("a saved model says what it is, and comes back with the same answers") {
  const Folder folder;
  const std::string file = folder.file("student.safetensors");
  for (const char* spec : {"mlp:12,5", "cnn:3,4,8", "cnn-tiny", "lenet5"}) {
    Rng rng(3);
    Sequential network = make_model(spec, {1, 28, 28}, 10, {.dropout = 0.3}, rng);
    network(random_tensor({8, 1, 28, 28}, 1, 0, 1));  // batch norm sees something
    save_model(network, file,
               {.spec = spec, .image = {1, 28, 28}, .classes = 10, .more = {{"errors", "45"}}});
    SavedModel again = load_model(file);
    CHECK(again.info.spec == spec);
    CHECK(again.info.image == Shape{1, 28, 28});
    CHECK(again.info.classes == 10);
    CHECK(again.info.more == Metadata{{"errors", "45"}});
    CHECK(!again.network.is_training());
    network.eval();
    const Tensor x = random_tensor({4, 1, 28, 28}, 2, 0, 1);
    CHECK(difference(again.network(x), network(x)) < 1e-6);
  }
}

TEST_CASE("what a saved model says itself is not said by `more`") {
  const Folder folder;
  Rng rng(1);
  Sequential network = mlp({784, 4, 10}, {}, rng);
  for (const char* key : {"spec", "image", "classes", "input", "mean", "std"}) {
    const ModelInfo info{
        .spec = "mlp:4", .image = {1, 28, 28}, .classes = 10, .more = {{key, "0.7 errors"}}};
    CHECK(error_of([&] { save_model(network, folder.file("x.safetensors"), info); }) ==
          fmt::format(
              "save_model: `more` has \"{}\", which the file says itself; name it otherwise", key));
  }
}

TEST_CASE("a file that does not say what it is needs to be told") {
  const Folder folder;
  const std::string file = folder.file("x.safetensors");
  Rng rng(1);
  Sequential network = mlp({784, 4, 10}, {}, rng);
  save_weights(network, file);
  CHECK(contains(error_of([&] { load_model(file); }), "does not say what network"));
  const ModelInfo told{.spec = "mlp:4", .image = {1, 28, 28}, .classes = 10};
  CHECK(load_model(file, told).info.spec == "mlp:4");
  const ModelInfo wrong{.spec = "mlp:5", .image = {1, 28, 28}, .classes = 10};
  CHECK(contains(error_of([&] { load_model(file, wrong); }),
                 "1.weight is (4, 784), and the network's is (5, 784)"));
  using Entry = std::pair<const char*, const char*>;
  for (const Entry& wrong_entry :
       {Entry{"image", "1,28"}, Entry{"image", "28"}, Entry{"image", "1,28,-28"},
        Entry{"image", "1,28,28,"}, Entry{"classes", "ten"}, Entry{"classes", "0"},
        Entry{"input", "hwc"}, Entry{"mean", "0.7 errors"}}) {
    Metadata metadata = {{"spec", "mlp:4"}, {"image", "1,28,28"}, {"classes", "10"}};
    metadata[wrong_entry.first] = wrong_entry.second;
    save_weights(network, file, metadata);
    const std::string text = error_of([&] { load_model(file); });
    CHECK_MESSAGE(contains(text, "load_model: " + file), wrong_entry.second);
  }
}

TEST_CASE("two ways to write a layer's number are not two tensors of one layer") {
  const Folder folder;
  Rng rng(1);
  Sequential network(Linear({.in = 2, .out = 2, .bias = false}, rng));
  const Tensor before = network.parameters()[0].clone();
  write_safetensors(folder.file("twice"), {.tensors = {{"0.weight", Tensor::zeros({2, 2})},
                                                       {"00.weight", Tensor::full({2, 2}, 1)}},
                                           .metadata = {}});
  CHECK(contains(error_of([&] { load_weights(network, folder.file("twice")); }),
                 "not known 00.weight"));
  CHECK(same_bits(network.parameters()[0], before));
}

TEST_CASE("a small file cannot ask for a large network") {
  const Folder folder;
  const auto refusal = [&](const std::string& spec) {
    write_safetensors(folder.file("m"),
                      {.tensors = {{"1.weight", Tensor::zeros({10, 4})}},
                       .metadata = {{"spec", spec}, {"image", "1,28,28"}, {"classes", "10"}}});
    release_pool();
    const std::size_t before = pool_stats().bytes_cached + pool_stats().bytes_in_use;
    const std::string text = error_of([&] { load_model(folder.file("m")); });
    const std::size_t after = pool_stats().bytes_cached + pool_stats().bytes_in_use;
    CHECK(after - before < 40'000'000);
    return text;
  };
  for (const char* spec : {"mlp:20000,20000", "mlp:1000000", "cnn:1000,1000,1000,1000"}) {
    CHECK(refusal(spec) ==
          "load_model: " + folder.file("m") + ": the network " + spec +
              " for images (1, 28, 28) is far larger than the weights in the file");
  }
  CHECK(contains(refusal("mlp:8"), "1.weight is (10, 4), and the network's is (8, 784)"));
}
