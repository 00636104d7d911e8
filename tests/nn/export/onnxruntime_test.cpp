// Exported networks as another program runs them: onnxruntime's answers are ours.
#include <cstring>

#include "apps/examples/new_layer.h"
#include "apps/examples/squeeze_excitation.h"
#include "core/ops.h"
#include "data/synthetic_digits.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/conv_transpose2d.h"
#include "nn/distill/ensemble.h"
#include "nn/export/onnx.h"
#include "nn/group_norm.h"
#include "nn/gru.h"
#include "nn/import/onnx.h"
#include "nn/model_spec.h"
#include "nn/models.h"
#include "nn/pooling.h"
#include "nn/vit.h"
#include "tests/apps/run_program.h"
#include "tests/data/idx_files.h"
#include "tests/nn/export/networks.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

constexpr Index count = 1000;  // images, in batches of
const std::string batches = "1,7,992";

// The folder in which npm has installed onnxruntime, which it does once; "" with a word why not.
std::string onnxruntime() {
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

// Compares all answers to `count` images, which go through ONNX in batches of several sizes.
void compare(Module& network, const Shape& image, const std::string& node_folder,
             const OnnxOptions& options = {}) {
  const Tensor images = images_of(image);
  stir(network, images);
  const Folder folder;
  const std::string model = folder.file("x.onnx"), out = folder.file("out");
  export_onnx(network, image, model, options);
  const std::string input = folder.write("images", to_floats(images));
  const std::string script = std::filesystem::absolute("tests/nn/export/run_onnx.mjs").string();
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
  OnnxNetwork again = read_onnx(model);
  // (Sums in another order: 1.2e-5 at most.)
  CHECK(difference(again(images), from_floats(read_all(out + ".logits"))) < 3e-5);
}

// Most ops there are, and one of its own: (N, 2, 4, 6) → (N, 5).
class ManyOps : public Module {
 public:
  explicit ManyOps(Rng& rng)
      : rows_({.in = 12, .out = 3, .bias = false}, rng), last_({.in = 48 + 3, .out = 5}, rng) {
    matrix_ = uniform({8, 3}, -1, 1, rng).requires_grad();
  }

  std::string describe() const override { return "ManyOps"; }

 protected:
  Tensor forward(const Tensor& x) override {
    const Index n = x.dim(0);
    const Tensor smooth = sigmoid(x) + tanh(x) * exp(x * real(0.1)) - abs(x) / (square(x) + 1);
    const Tensor kinked = clamp(x, -0.3, 0.4) + leaky_relu(x, 0.2) + relu(-x) + silu(x);
    const Tensor positive = sqrt(abs(x) + 1) + log(abs(x) + 1) + pow(abs(x) + real(0.5), 1.7);
    const Tensor mixed = maximum(smooth, kinked) - minimum(positive, gelu(x));
    const Tensor a = reshape(mixed, {n, 4, 12});
    const Tensor weights = softmax(batched_matmul(a, a, {.b = true}), 2);            // (N, 4, 4)
    const Tensor inner = log_softmax(batched_matmul(a, a, {.a = true}), 3);          // (N, 12, 12)
    const Tensor answers = batched_matmul(weights, batched_matmul(a, inner));        // (N, 4, 12)
    const Tensor marked = answers - max_last(a) + mean_last(a) * sum_last(weights);  // likewise
    const Tensor halves = reshape(marked, {2 * n, 24}) + Tensor::full({2 * n, 24}, real(0.5));
    const Tensor few = reshape(rows_(reshape(halves, {n, 4, 12})), {n, 12});
    const Tensor columns = permute(few, {1, 0});                                      // (12, N)
    const Tensor product = matmul(matrix_, slice_rows(columns, 2, 10), {.a = true});  // (3, N)
    Tensor state = Tensor::zeros({n, 3});  // a state of its own for each image
    for (int i = 0; i < 2; ++i)
      state = tanh(state + matmul(flatten(a), Tensor::full({48, 3}, real(0.1))));
    const Tensor all =
        concat_rows({permute(flatten(marked), {1, 0}), product + permute(state, {1, 0})});
    return last_(permute(all, {1, 0}));
  }
  void parts(Parts& parts) override {
    parts("rows", rows_);
    parts("last", last_);
    parts("matrix", matrix_);
  }

 private:
  Linear rows_, last_;
  Tensor matrix_;
};

// Parts, choices and what goes along a dimension: (N, 2, 4, 6) → (N, 5).
class PartsAndChoices : public Module {
 public:
  explicit PartsAndChoices(Rng& rng)
      : larger_({.in = 2, .out = 3, .kernel = 3, .stride = 2, .padding = 1, .output_padding = 1},
                rng),
        reader_({.in = 12, .out = 4}, rng),
        last_({.in = 4 + 3, .out = 5}, rng) {}

  std::string describe() const override { return "PartsAndChoices"; }

 protected:
  Tensor forward(const Tensor& x) override {
    const Tensor large = larger_(x);  // (N, 3, 8, 12)
    const Tensor twice = upsample2d(x, {.scale = 2}) +
                         upsample2d(x, {.scale = 2, .mode = Upsampling::bilinear});  // (N, 2, …)
    const Tensor framed = pad(slice(twice, 3, 2, 11), -1, {.before = 2, .after = 1, .value = 0.5});
    const Tensor all = concat({large, framed}, 1);  // (N, 5, 8, 12)
    const Tensor chosen = where(all > 0.2, all, all * 0.5) + (all <= -0.1) - (all >= 0.4) +
                          (all < -0.3) * 0.25 + not_equal(all, 0.5) + equal(all, 0.5);
    const Tensor states = reader_(max(chosen, 1));                       // (N, 8, 12) → (N, 8, 4)
    const Tensor sums = sum(log_sum_exp(chosen, 2, {.keep = true}), 1);  // (N, 1, 12)
    const Tensor means = softmax(mean(reshape(sums, {-1, 3, 4}), 1), {.dim = 1});  // (N, 4)
    const Tensor ends = concat({slice(means, 1, 0, 2), sum(means, 1, {.keep = true})}, 1);
    return last_(concat({last_step(states), ends}, 1) * 4);
  }
  void parts(Parts& parts) override {
    parts("larger", larger_);
    parts("reader", reader_);
    parts("last", last_);
  }

 private:
  ConvTranspose2d larger_;
  GRU reader_;
  Linear last_;
};

}  // namespace

TEST_CASE("onnxruntime answers as the network does that was exported") {
  const std::string folder = onnxruntime();
  if (folder.empty()) return;
  for (const char* spec : {"mlp:64,32", "cnn:6,8,40", "lenet5", "cnn-tiny", "cnn-large"}) {
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

TEST_CASE("onnxruntime answers as residual networks, attention and gates do") {
  const std::string folder = onnxruntime();
  if (folder.empty()) return;
  Rng rng(1);
  Sequential residual = resnet8(3, 10, rng);
  compare(residual, {3, 16, 16}, folder);
  Sequential transformer =
      vit({1, 28, 28}, 10, {.patch = 7, .width = 16, .heads = 2, .blocks = 2}, rng);
  compare(transformer, {1, 28, 28}, folder);
  Sequential gated(Conv2d({.in = 2, .out = 8, .kernel = 3}, rng),
                   SqueezeExcitation({.channels = 8}, rng), GroupNorm({.groups = 2, .channels = 8}),
                   InstanceNorm(), Flatten(), Linear({.in = 8 * 6 * 5, .out = 4}, rng));
  compare(gated, {2, 8, 7}, folder);
  Sequential first = mlp({12, 8, 3}, {}, rng), second = mlp({12, 3}, {}, rng);
  for (const Averaging averaging : {Averaging::logits, Averaging::probabilities}) {
    Ensemble both({&first, &second}, {.averaging = averaging});
    compare(both, {1, 3, 4}, folder);
  }
}

TEST_CASE("onnxruntime computes our ops as we do, and one of somebody's own by its mapping") {
  const std::string folder = onnxruntime();
  if (folder.empty()) return;
  Rng rng(1);
  ManyOps network(rng);
  compare(network, {2, 4, 6}, folder, {.mappings = {{"silu", silu_in_onnx}}});
  PartsAndChoices more(rng);
  compare(more, {2, 4, 6}, folder);
}
