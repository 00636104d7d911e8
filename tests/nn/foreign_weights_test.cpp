// Weights under names that are not ours, and images as other networks want them.
#include "nn/foreign_weights.h"

#include "nn/linear.h"
#include "nn/model_spec.h"
#include "nn/models.h"
#include "nn/prepared_input.h"
#include "nn/resnet.h"
#include "nn/saved_model.h"
#include "nn/vit.h"
#include "nn/weights.h"
#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

using Renames = std::vector<std::pair<std::string, std::string>>;  // begins of names

// A network's tensors with other names, in its order.
TensorFile renamed(const Module& network, const Renames& renames) {
  TensorFile file;
  for (const auto& [name, tensor] : named_state(network)) {
    std::string other = name;
    for (const auto& [from, to] : renames) {
      if (!name.starts_with(from)) continue;
      other = to + name.substr(from.size());
      break;
    }
    file.tensors.push_back({other, tensor.clone()});
  }
  return file;
}

// As the usual writer of safetensors has them.
TensorFile sorted(TensorFile file) {
  std::ranges::sort(file.tensors, {}, &NamedTensor::name);
  return file;
}

// The same layers with other numbers.
template <class Make>
std::pair<Sequential, Sequential> two_of(const Make& make) {
  Rng rng(1), other(2);
  return {make(rng), make(other)};
}

// Whether `to` has the numbers of `from` once the file has been put into it.
bool arrives(const Sequential& from, Sequential& to, const TensorFile& file) {
  assign_foreign("load", "x", to, file);
  const std::vector<NamedTensor> a = named_state(from), b = named_state(to);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!same_bits(a[i].tensor, b[i].tensor)) return false;
  }
  return true;
}

// Numbers of its own in every tensor: those of batch norm begin alike.
void stir(const Module& network) {
  std::uint64_t seed = 7;
  for (NamedTensor part : named_state(network)) {
    const Tensor values = random_tensor(part.tensor.shape(), ++seed, 0.5, 1.5);
    std::ranges::copy(values.values(), part.tensor.values().begin());
  }
}

Sequential perceptron(Rng& rng) {
  return mlp({4, 4, 4, 4, 2}, {}, rng);
}

}  // namespace

TEST_CASE("PyTorch's MNIST example, written down, takes the weights of that program") {
  const std::string spec =
      "layers: conv 3 3, relu, conv 4 3, relu, pool 2, dropout 0.25, flatten, linear 5, relu, "
      "dropout 0.5, linear";
  Rng rng(1);
  const Shape image{1, 8, 8};
  Sequential net = make_model(spec, image, 3, {}, rng);
  const TensorFile theirs =
      sorted(renamed(net, {{"0.", "conv1."}, {"2.", "conv2."}, {"7.", "fc1."}, {"10.", "fc2."}}));
  CHECK(theirs.tensors.front().name == "conv1.bias");
  const Folder folder;
  const std::string file = folder.file("mnist_cnn.safetensors");
  write_safetensors(file, theirs);
  SavedModel loaded = load_model(file, {.spec = spec, .image = image, .classes = 3});
  net.eval();
  const Tensor x = random_tensor({2, 1, 8, 8}, 2);
  CHECK(difference(loaded.network(x), net(x)) < 1e-6);  // files hold floats
  CHECK(loaded.weights.str() ==
        "its names are not the network's; what has the same kind and shape goes together:\n"
        "  conv1.weight  →  0.weight   (3, 1, 3, 3)\n"
        "  conv1.bias    →  0.bias     (3)\n"
        "  conv2.weight  →  2.weight   (4, 3, 3, 3)\n"
        "  conv2.bias    →  2.bias     (4)\n"
        "  fc1.weight    →  7.weight   (5, 16)\n"
        "  fc1.bias      →  7.bias     (5)\n"
        "  fc2.weight    →  10.weight  (3, 5)\n"
        "  fc2.bias      →  10.bias    (3)");
}

TEST_CASE("a prefix that all names share goes, and PyTorch's counters are passed over") {
  auto [from, to] = two_of([](Rng& rng) { return cnn_tiny({1, 16, 16}, 3, 0, rng); });
  stir(from);
  TensorFile file = renamed(from, {{"", "module._orig_mod."}});
  file.skipped = {"module._orig_mod.1.num_batches_tracked",
                  "module._orig_mod.4.num_batches_tracked"};
  CHECK(match_weights("load", "x", to, file).str() ==
        "its names begin with module._orig_mod., which is left out\n"
        "passed over: module._orig_mod.1.num_batches_tracked and 1 more of its kind");
  CHECK(arrives(from, to, file));
  CHECK(match_weights("load", "x", to, renamed(from, {})).str() == "");
  file.skipped.emplace_back("module._orig_mod.ids");
  Sequential& other_net = to;
  CHECK(contains(error_of([&] { assign_foreign("load", "x", other_net, file); }),
                 "load: x: module._orig_mod.ids holds integers"));
  // One layer's name is no prefix.
  auto [one, other] = two_of([](Rng& rng) { return Sequential(Linear({.in = 2, .out = 2}, rng)); });
  const WeightMatch match = match_weights("load", "x", other, renamed(one, {{"0.", "net.fc."}}));
  REQUIRE(match.pairs.size() == 2);
  CHECK(match.pairs[1].theirs == "net.fc.bias");
  CHECK(match.pairs[1].ours == "0.bias");
}

TEST_CASE("layers that are alike go by the numbers in their names, or by an order that is told") {
  auto [from, to] = two_of(perceptron);
  // 1.weight, 3.weight and 5.weight have one shape. As texts fc10 comes before fc2.
  const Renames numbered = {{"1.", "fc1."}, {"3.", "fc2."}, {"5.", "fc10."}, {"7.", "last."}};
  const TensorFile file = sorted(renamed(from, numbered));
  CHECK(file.tensors[2].name == "fc10.bias");
  CHECK(match_weights("load", "x", to, file).by == "the numbers in its names");
  CHECK(arrives(from, to, file));

  const Renames words = {{"1.", "one."}, {"3.", "two."}, {"5.", "three."}, {"7.", "last."}};
  auto [again, next] = two_of(perceptron);
  const TensorFile in_order = renamed(again, words);
  CHECK(match_weights("load", "x", next, in_order).by == "the order of its data");
  CHECK(arrives(again, next, in_order));

  // A sorting writer puts what has more bytes first: here all weights, or one.
  for (const bool alone : {false, true}) {
    TensorFile parted = sorted(renamed(from, numbered));
    const auto is_first = [&](const NamedTensor& t) {
      return alone ? t.name == "fc1.weight" : t.name.ends_with("weight");
    };
    std::stable_partition(parted.tensors.begin(), parted.tensors.end(), is_first);
    auto [unused, target] = two_of(perceptron);
    CHECK(match_weights("load", "x", target, parted).by == "the numbers in its names");
    CHECK(arrives(from, target, parted));
  }

  auto [third, fourth] = two_of(perceptron);
  TensorFile told = sorted(renamed(third, words));
  Sequential& network = fourth;
  const std::string refused = error_of([&] { assign_foreign("load", "x", network, told); });
  CHECK(contains(refused,
                 "load: x: one, three, two are alike, and as the file's tensors are sorted by "
                 "name, nothing tells their order; write it with that, save_file("));
  told.metadata["order"] =
      "one.weight one.bias two.weight two.bias three.weight three.bias last.weight last.bias";
  CHECK(match_weights("load", "x", fourth, told).by == "the order that its metadata tell");
  CHECK(arrives(third, fourth, told));
}

TEST_CASE("a residual network and a transformer of other names find their places") {
  const auto residual = [](Rng& rng) {
    return resnet({1, 8, 8}, 3, {.blocks = 2, .width = 2}, rng);
  };
  auto [from, to] = two_of(residual);
  stir(from);
  CHECK(arrives(from, to,
                sorted(renamed(from, {{"0.", "conv1."},
                                      {"1.", "bn1."},
                                      {"3.", "layer1.0."},
                                      {"4.", "layer1.1."},
                                      {"5.", "layer2.0."},
                                      {"6.", "layer2.1."},
                                      {"7.", "layer3.0."},
                                      {"8.", "layer3.1."},
                                      {"10.", "fc."}}))));
  const auto transformer = [](Rng& rng) {
    return vit({1, 4, 4}, 3, {.patch = 2, .width = 4, .heads = 2, .blocks = 2}, rng);
  };
  auto [a, b] = two_of(transformer);
  stir(a);
  // Sorted, a key stands before its query; they are known by these words.
  CHECK(arrives(a, b,
                sorted(renamed(a, {{"0.", "embed."},
                                   {"1.inner.0", "blocks.0.norm1"},
                                   {"1.inner.1", "blocks.0.attention"},
                                   {"2.inner.0", "blocks.0.norm2"},
                                   {"2.inner.1", "blocks.0.mlp.0"},
                                   {"2.inner.3", "blocks.0.mlp.2"},
                                   {"3.inner.0", "blocks.1.norm1"},
                                   {"3.inner.1", "blocks.1.attention"},
                                   {"4.inner.0", "blocks.1.norm2"},
                                   {"4.inner.1", "blocks.1.mlp.0"},
                                   {"4.inner.3", "blocks.1.mlp.2"},
                                   {"5", "norm"},
                                   {"7", "head"}}))));
}

TEST_CASE("weights that do not fit are shown beside the network's, and change nothing") {
  Rng rng(1);
  Sequential net = mlp({4, 3, 2}, {}, rng);
  const Tensor before = named_state(net)[0].tensor.clone();
  TensorFile file;
  file.tensors = {{"fc1.bias", Tensor::zeros({3})},
                  {"fc1.weight", Tensor::zeros({3, 4})},
                  {"fc2.bias", Tensor::zeros({5})},
                  {"fc2.weight", Tensor::zeros({5, 3})},
                  {"scale", Tensor::zeros({1})}};
  CHECK(error_of([&] { assign_foreign("load", "x", net, file); }) ==
        "load: x: its tensors do not fit the network, which has 1 layer of bias (2), weight (2, 3) "
        "where the file has 0\n"
        "  the network      the file\n"
        "  1.weight (3, 4)  scale (1)\n"
        "  1.bias (3)       fc1.weight (3, 4)\n"
        "  3.weight (2, 3)  fc1.bias (3)\n"
        "  3.bias (2)       fc2.weight (5, 3)\n"
        "                   fc2.bias (5)");
  CHECK(same_bits(named_state(net)[0].tensor, before));
  CHECK(contains(error_of([&] { assign_foreign("load", "x", net, {}); }), "where the file has 0"));
}

TEST_CASE("a file that says what network it is must have its names") {
  Rng rng(1);
  Sequential net = mlp({4, 3, 2}, {}, rng);
  TensorFile file = renamed(net, {{"1.", "fc1."}, {"3.", "fc2."}});
  file.metadata = {{"spec", "mlp:3"}, {"image", "1,2,2"}, {"classes", "2"}};
  const Folder folder;
  write_safetensors(folder.file("x"), file);
  CHECK(contains(error_of([&] { load_model(folder.file("x")); }),
                 "its tensors are not those of the network: missing 1.weight"));
}

TEST_CASE("images are made what a network from elsewhere was trained on") {
  const Tensor x = random_tensor({2, 3, 4, 5}, 1, 0, 1);
  const InputOptions options{
      .layout = InputLayout::nhwc, .mean = {0.5, 0.4, 0.3}, .std = {0.2, 0.25, 0.5}};
  PreparedInput input(options);
  CHECK(input.describe() == "PreparedInput(nhwc, mean 0.5, 0.4, 0.3, std 0.2, 0.25, 0.5)");
  const Tensor y = input(x);
  REQUIRE(y.shape() == Shape{2, 4, 5, 3});
  double off = 0;
  for (Index n = 0; n < 2; ++n) {
    for (Index c = 0; c < 3; ++c) {
      for (Index p = 0; p < 20; ++p) {
        const auto at = static_cast<std::size_t>(c);
        const double pixel = static_cast<double>(x.data()[(n * 3 + c) * 20 + p]);
        const double want = (pixel - options.mean[at]) / options.std[at];
        off = std::max(off, std::abs(static_cast<double>(y.data()[(n * 20 + p) * 3 + c]) - want));
      }
    }
  }
  CHECK(off < 1e-5);
  const Tensor flat = PreparedInput({.layout = InputLayout::flat, .std = {0.5}})(x);
  CHECK(difference(flat, reshape(x * 2, {2, 60})) < 1e-6);
  CHECK(input_layout_of("x", to_string(InputLayout::flat)) == InputLayout::flat);
  CHECK(error_of([] { input_layout_of("x", "chw"); }) ==
        "x: images are nchw, nhwc or flat; got \"chw\"");
  CHECK(contains(error_of([] { PreparedInput({.std = {0}}); }), "a deviation above 0"));
  CHECK(contains(error_of([] {
                   PreparedInput({.mean = {0, 0}, .std = {1, 1, 1}});
                 }),
                 "for each channel; got 2 and 3"));
}

TEST_CASE("a network with a prepared input is saved with that, and any module can have one") {
  Rng rng(1);
  const ModelInfo info{.spec = "mlp:3",
                       .image = {1, 2, 2},
                       .classes = 2,
                       .input = {.mean = {0.1307}, .std = {0.3081}}};
  Sequential net = prepared(make_model(info.spec, info.image, 2, {}, rng), info.input);
  CHECK(net.size() == 5);  // one more than the perceptron
  CHECK(net[2].name() == "2");
  const Folder folder;
  save_model(net, folder.file("x"), info);
  SavedModel loaded = load_model(folder.file("x"));
  CHECK(loaded.info.input.mean == std::vector<double>{0.1307});
  CHECK(loaded.info.input.std == std::vector<double>{0.3081});
  CHECK(loaded.info.more.empty());
  const Tensor x = random_tensor({3, 1, 2, 2}, 2, 0, 1);
  CHECK(difference(loaded.network(x), net(x)) < 1e-6);

  const Sequential usual = prepared(make_model("mlp:3", info.image, 2, {}, rng), {});
  CHECK(usual.size() == 4);
  Sequential any = prepared(std::make_unique<Function>([](const Tensor& y) { return y * 2; }),
                            {.layout = InputLayout::flat});
  CHECK(any(x).shape() == Shape{3, 4});
  CHECK(difference(any(x), reshape(x * 2, {3, 4})) < 1e-6);
}
