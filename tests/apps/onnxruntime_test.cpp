// Exported networks as another program runs them: onnxruntime's answers are ours.
#include <cstring>

#include "apps/export/onnx.h"
#include "core/ops/softmax.h"
#include "data/synthetic_digits.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/model_spec.h"
#include "nn/pooling.h"
#include "tests/apps/run_program.h"
#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

constexpr Index count = 1000;  // images, in batches of
const std::string batches = "1,7,992";

// The folder in which npm has installed onnxruntime, which it does once; "" with a word why not.
std::string onnxruntime() {
  if (!onnx_is_built_in()) {
    MESSAGE("skipped: libonnx-dev or libprotobuf-dev is not installed");
    return "";
  }
  const std::string version = "1.16.3";
  const std::string folder = std::filesystem::absolute("build/node").string();
  const auto load = [&] {
    return run_command(
        {"node", "-e",
         "const [, folder, version] = process.argv; require(folder);"
         "process.exit(require(folder + '/package.json').version === version ? 0 : 1)",
         folder + "/node_modules/onnxruntime-node", version});
  };
  if (load().exit_code == 0) return folder;
  const Finished npm =
      run_command({"npm", "install", "--prefix", folder, "--ignore-scripts", "--no-audit",
                   "--no-fund", "--fetch-retries=0", "onnxruntime-node@" + version});
  const Finished loaded = load();
  if (loaded.exit_code == 0) return folder;
  MESSAGE("skipped: there is no onnxruntime from npm: " << npm.err << "\n" << loaded.err);
  return "";
}

Bytes to_floats(const Tensor& x) {
  Bytes bytes;
  for (const real value : x.values()) {
    const auto element = static_cast<float>(value);
    bytes.append(reinterpret_cast<const char*>(&element), sizeof(element));
  }
  return bytes;
}

// (count, C)
Tensor from_floats(const Bytes& bytes) {
  std::vector<float> floats(bytes.size() / sizeof(float));
  std::memcpy(floats.data(), bytes.data(), floats.size() * sizeof(float));
  const std::vector<real> values(floats.begin(), floats.end());
  return Tensor::from({count, static_cast<Index>(values.size()) / count}, values);
}

// Digits where the shape is theirs, and noise: (count, C, H, W).
Tensor images_of(const Shape& image) {
  if (image != Shape{1, 28, 28}) return random_tensor(image.with_front(count), 2);
  const Dataset digits = synthetic_digits({.train = count / 2, .test = 1}).train;
  std::vector<Index> all;
  for (Index i = 0; i < digits.size(); ++i) all.push_back(i);
  return concat_rows(
      {make_batch(digits, all).images, random_tensor(image.with_front(count - digits.size()), 2)});
}

// As after training: weights large enough for logits that differ, no bias at 0 nor scale at 1, and
// batch norm's statistics under way.
void stir(Sequential& network, const Tensor& images) {
  Rng rng(3);
  for (Tensor& parameter : network.parameters()) {
    for (real& x : parameter.values()) {
      x = static_cast<real>(parameter.shape().rank() == 1 ? x + rng.uniform(-0.5, 0.5) : 2.5 * x);
    }
  }
  const NoGrad no_grad;
  network(slice_rows(images, 0, 600));
  network(slice_rows(images, 400, 1000));
}

// Compares all answers to `count` images, which go through ONNX in batches of several sizes.
void compare(Sequential& network, const Shape& image, const std::string& node_folder) {
  const Tensor images = images_of(image);
  stir(network, images);
  const Folder folder;
  const std::string model = folder.file("x.onnx"), out = folder.file("out");
  export_onnx(network, image, model);
  const std::string input = folder.write("images", to_floats(images));
  const std::string script = std::filesystem::absolute("tests/apps/run_onnx.mjs").string();
  const std::string shape = fmt::format("{},{},{}", image.dim(0), image.dim(1), image.dim(2));
  const Finished run =
      run_command({"node", script, node_folder, model, input, shape, batches, out});
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);

  const NoGrad no_grad;
  const EvalMode eval_mode(network);
  const Tensor logits = network(images);
  const auto [low, high] = std::ranges::minmax(logits.values());
  CHECK(high - low > 1);  // a hard case
  CHECK(difference(from_floats(read_all(out + ".logits")), logits) < 1e-4);
  CHECK(difference(from_floats(read_all(out + ".probabilities")), softmax(logits)) < 1e-4);
}

}  // namespace

TEST_CASE("onnxruntime answers as the network does that was exported") {
  const std::string folder = onnxruntime();
  if (folder.empty()) return;
  for (const char* spec : {"mlp:64,32", "cnn:6,8,40", "lenet5", "cnn-tiny"}) {
    CAPTURE(spec);
    Rng rng(1);
    const Shape image = {1, 28, 28};
    Sequential network = make_model(spec, image, 10, {.dropout = 0.3}, rng);
    compare(network, image, folder);
  }
}

TEST_CASE("onnxruntime pads, strides, groups and rounds as we do, on images that are not square") {
  const std::string folder = onnxruntime();
  if (folder.empty()) return;
  Rng rng(1);
  Sequential inner(
      Conv2d({.in = 8, .out = 12, .kernel = 3, .padding = 1, .groups = 4, .bias = false}, rng),
      BatchNorm2d({.channels = 12}));
  Sequential network(
      Conv2d({.in = 3, .out = 8, .kernel = {3, 5}, .stride = {2, 1}, .padding = 1}, rng), ReLU(),
      AvgPool2d({.kernel = {3, 2}, .stride = 2, .padding = 1}), std::move(inner), ReLU(),
      MaxPool2d({.kernel = 3, .stride = 2, .padding = 1}),
      Conv2d({.in = 12, .out = 7, .kernel = {2, 1}, .stride = 2}, rng), GlobalAvgPool2d());
  compare(network, {3, 23, 18}, folder);
}
