// Networks of one's own that go by a name.
#include "nn/model_spec.h"

#include "nn/export/c_header.h"
#include "nn/export/onnx.h"
#include "nn/linear.h"
#include "nn/models.h"
#include "nn/resnet.h"
#include "nn/saved_model.h"
#include "tests/data/idx_files.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// LeNet-5 whose logits are halved, for images as it takes them.
Sequential own_lenet(const Shape& image, Index classes, double dropout, Rng& rng) {
  Sequential net = lenet5(image, classes, dropout, rng);
  net.add([](const Tensor& logits) { return logits * real(0.5); });
  return net;
}

// Before main(), as a source that is linked into a program would.
const bool known = register_model("own-lenet", own_lenet, "a network of the tests");

}  // namespace

TEST_CASE("a network that is registered is known wherever networks have names") {
  REQUIRE(known);
  check_model_spec("own-lenet");
  const auto preset = std::ranges::find(model_presets(), "own-lenet", &Preset::name);
  REQUIRE(preset != model_presets().end());
  CHECK(preset->what == "a network of the tests");
  Rng rng(1);
  Sequential net = make_model("own-lenet", {1, 28, 28}, 10, {}, rng);
  CHECK(net.parameter_count() == 61'706);
  net.eval();
  const Folder folder;
  save_model(net, folder.file("x.safetensors"),
             {.spec = "own-lenet", .image = {1, 28, 28}, .classes = 10});
  SavedModel loaded = load_model(folder.file("x.safetensors"));
  CHECK(loaded.info.spec == "own-lenet");
  const Tensor x = random_tensor({2, 1, 28, 28}, 2);
  CHECK(difference(loaded.network(x), net(x)) < 1e-6);  // files hold floats
  CHECK(contains(error_of([] { check_model_spec("own-lenets"); }), "or cnn-tiny, or own-lenet"));
}

TEST_CASE("a name is given once, and is one that an option and a file can hold") {
  CHECK(error_of([] { register_model("own-lenet", own_lenet); }) ==
        "register_model: there is a model \"own-lenet\" already");
  CHECK(error_of([] { register_model("lenet5", own_lenet); }) ==
        "register_model: there is a model \"lenet5\" already");
  for (const char* bad : {"", "mlp:8", "a b", "a,b", "é"}) {
    CHECK(error_of([=] { register_model(bad, own_lenet); }) ==
          fmt::format("register_model: a name has letters, digits, '-', '_' and '.'; got \"{}\"",
                      bad));
  }
  CHECK(error_of([] { register_model("nothing", nullptr); }) ==
        "register_model: \"nothing\" has no function that makes the network");
  CHECK(contains(error_of([] { check_model_spec("nothing"); }), "is not known"));
  CHECK(error_of([] { register_model("mlp", lenet5); }) ==
        "register_model: \"mlp\" is what mlp:… begins with");
  Rng rng(1);
  const Folder folder;
  CHECK(contains(error_of([&] {
                   save_model(mlp({4, 2}, {}, rng), folder.file("x"),
                              {.spec = "unheard-of", .image = {1, 2, 2}, .classes = 2});
                 }),
                 "\"unheard-of\" is not known"));
  CHECK_FALSE(std::filesystem::exists(folder.file("x")));
}

namespace {

const std::string layers = "layers: ";

// The layers of such a network, a line each.
std::string described(const std::string& text, const Shape& image = {3, 12, 10}) {
  Rng rng(1);
  Sequential net = make_model(layers + text, image, 5, {}, rng);
  CHECK(net(random_tensor(image.with_front(2), 1)).shape() == Shape{2, 5});
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < net.size(); ++i) lines.push_back(net[i].describe());
  return joined(lines);
}

// What is wrong with a text, and where.
std::string fault(const std::string& text) {
  const std::string all = error_of([&] { check_model_spec(layers + text); });
  const std::string head = fmt::format("model: \"{}{}\": at character ", layers, text);
  return all.starts_with(head) ? all.substr(head.size()) : all;
}

}  // namespace

TEST_CASE("no network is made for images without a pixel or a channel") {
  Rng rng(1);
  const Shape without[] = {{1, 0, 0}, {1, 0, 28}, {1, 28, 0}, {0, 28, 28}, {28, 28}};
  for (const Shape& image : without) {
    CAPTURE(image);
    const auto refused = [&](const auto& make) {
      return contains(error_of([&] { make(); }), "images must be (C, H, W) with at least ");
    };
    std::vector<std::string> specs = {"mlp:8", "mlp:", "cnn:4,8", "normalize+resnet8",
                                      "layers: flatten, linear"};
    for (const Preset& preset : model_presets()) specs.push_back(preset.name);
    for (const std::string& spec : specs) {
      CAPTURE(spec);
      CHECK(refused([&] { make_model(spec, image, 10, {}, rng); }));
    }
    CHECK(refused([&] { resnet(image, 10, {}, rng); }));
    CHECK(refused([&] { mobilenet_small(image, 10, 0, rng); }));
    CHECK(refused([&] { cnn(image, 10, {.channels = {4}}, rng); }));
  }
}

TEST_CASE("a network is written down layer by layer") {
  CHECK(described("conv 8 3 pad 1,bn , relu, pool 2, conv 4 3 stride 2 nobias, leaky, "
                  "conv 6 2 pad 2 dilation 2 groups 2, gn 3, silu, avgpool 3 stride 1 pad 1, "
                  "depthwise 3 pad 1, tanh, dropout2d 0.1, flatten, linear 7 nobias, ln, gelu, bn, "
                  "leaky 0.2, dropout 0.5, linear") ==
        "Conv2d(3, 8, kernel 3, padding 1)\nBatchNorm2d(8)\nReLU\nMaxPool2d(2)\n"
        "Conv2d(8, 4, kernel 3, stride 2, no bias)\nLeakyReLU(0.01)\n"
        "Conv2d(4, 6, kernel 2, padding 2, dilation 2, groups 2)\nGroupNorm(3, 6)\nSiLU\n"
        "AvgPool2d(3, stride 1, padding 1)\nConv2d(6, 6, kernel 3, padding 1, groups 6)\nTanh\n"
        "Dropout2d(0.1)\nFlatten\nLinear(96, 7, no bias)\nLayerNorm(7)\nGELU\n"
        "BatchNorm1d(7)\nLeakyReLU(0.2)\nDropout(0.5)\nLinear(7, 5)");
  CHECK(described("residual(conv 3 3 pad 1, residual( relu )), sigmoid, conv 5 1, globalpool") ==
        "Residual\nSigmoid\nConv2d(3, 5, kernel 1)\nGlobalAvgPool2d");
  CHECK(described("flatten, linear 5") == "Flatten\nLinear(360, 5)");
  CHECK(described("flatten,\r\n\tlinear 5\n") == "Flatten\nLinear(360, 5)");
  // PyTorch's example for MNIST, of 1,199,882 parameters.
  Rng rng(1);
  const std::string example =
      "layers: conv 32 3, relu, conv 64 3, relu, pool 2, dropout 0.25, flatten, linear 128, relu, "
      "dropout 0.5, linear";
  CHECK(make_model(example, {1, 28, 28}, 10, {}, rng).parameter_count() == 1'199'882);
}

TEST_CASE("what is wrong in a written network is said with its place") {
  const std::string first = "avgpool KERNEL [stride S] [pad P], bn, conv CHANNELS KERNEL";
  CHECK(fault("conv 8 3, blub, linear")
            .starts_with("19: there is no layer \"blub\"; there are " + first));
  CHECK(fault("").starts_with("9: a layer is missing; there are " + first));
  CHECK(fault("flatten, , linear").starts_with("18: a layer is missing"));
  CHECK(fault("conv 8, flatten, linear") ==
        "9: a number is missing in conv CHANNELS KERNEL [stride S] [pad P] [dilation D] [groups G] "
        "[nobias]");
  CHECK(fault("pool 2 3, flatten, linear") ==
        "16: 3 is one number too many in pool KERNEL [stride S] [pad P]");
  CHECK(fault("pool 2 pad, flatten, linear") == "19: pad wants a number after it");
  CHECK(fault("pool 2 pad 1 pad 1, flatten, linear") == "22: pad is said twice");
  CHECK(fault("flatten relu, linear") ==
        "17: \"relu\" is not known here, or a comma is missing before it; the layer is flatten");
  CHECK(fault("conv 8 2.5, flatten, linear") == "16: 2.5 is not a whole number from 1 to 1000000");
  CHECK(fault("conv 8 3 pad -1, flatten, linear") ==
        "22: -1 is not a whole number from 0 to 1000000");
  CHECK(fault("flatten, dropout 1, linear") == "26: 1 is not from 0 to below 1");
  CHECK(fault("flatten, conv 8 3, linear") ==
        "18: conv takes images, and after flatten, globalpool or linear there are none");
  CHECK(fault("conv 8 3, linear") ==
        "19: linear takes features, and images reach it; put flatten or globalpool before it");
  CHECK(fault("conv 8 3") == "17: the network ends in images; end it with flatten, linear");
  CHECK(fault("flatten, linear;") ==
        "24: \";\" has no meaning here; between layers there are commas");
  CHECK(fault("residual conv 8 3") == "18: residual wants (LAYERS) after it");
  CHECK(fault("residual(relu, flatten, linear") == "39: a comma or ) is missing");
  CHECK(fault("residual(flatten), linear") == "9: what is in a residual must keep the shape");
  std::string deep = "relu";
  for (int i = 0; i < 9; ++i) deep = "residual(" + deep + ")";
  CHECK(contains(fault(deep + ", flatten, linear"), "end at a depth of 8"));

  const auto building = [](const std::string& text) {
    Rng rng(1);
    return error_of([&] { make_model(layers + text, {3, 12, 10}, 5, {}, rng); });
  };
  CHECK(building("pool 2, conv 8 7, flatten, linear") ==
        "model: \"layers: pool 2, conv 8 7, flatten, linear\": at character 17: conv 8 7, which "
        "(3, 6, 5) reaches: the kernel 7 is larger than images (1, 3, 6, 5) with a padding of 0");
  CHECK(contains(building("conv 4 3 groups 2, flatten, linear"), "2 groups do not divide 3"));
  CHECK(contains(building("residual(conv 8 3 pad 1), flatten, linear"),
                 "at character 9: residual(conv 8 3 pad 1), which (3, 12, 10) reaches: it makes "
                 "(8, 12, 10) of that"));
  CHECK(contains(building("flatten, linear 7"),
                 "at character 26: the network gives 7 numbers, and there are 5 classes; end it "
                 "with linear"));
  CHECK(contains(error_of([] { check_model_spec("mlp:8,x"); }),
                 "\"mlp:8,x\" has a width that is not a number from 1 to 1000000, at character 7"));
  CHECK(contains(error_of([] { check_model_spec("mlp:8;9"); }),
                 "is not a list of numbers with commas between, at character 6"));
  CHECK(contains(error_of([] { register_model("layers", lenet5); }), "what layers:… begins with"));
}

TEST_CASE("every network that has a name is saved, loaded and exported") {
  const Folder folder;
  const std::string file = folder.file("x.safetensors");
  for (const char* spec :
       {"vgg-small", "resnet8", "resnet20", "mobilenet-small", "vit-tiny",
        "layers: conv 4 3, bn, relu, residual(conv 4 3 pad 1, relu), pool 2, flatten, linear"}) {
    CAPTURE(spec);
    Rng rng(1);
    const Shape image{3, 16, 16};
    Sequential net = make_model(spec, image, 4, {.dropout = 0.2}, rng);
    net.eval();
    save_model(net, file, {.spec = spec, .image = image, .classes = 4});
    SavedModel loaded = load_model(file);
    const Tensor x = random_tensor({2, 3, 16, 16}, 2);
    CHECK(difference(loaded.network(x), net(x)) < 1e-5);
    export_onnx(net, image, folder.file("x.onnx"));
    const auto weights = static_cast<std::uintmax_t>(4 * net.parameter_count());
    CHECK(std::filesystem::file_size(folder.file("x.onnx")) > weights / 2);
    const auto to_c = [&] {
      export_c(net, image, folder.file("x.h"), {.network = spec, .errors = ""});
    };
    if (spec == std::string("vit-tiny")) {
      CHECK(contains(error_of(to_c), "export"));
    } else {
      to_c();
    }
  }
}

TEST_CASE("normalize+ before a spec puts Normalize first, which files carry") {
  Rng rng(1), same(1);
  const Shape image{3, 4, 4};
  const Normalize::Options channels{.mean = {0.1, 0.2, 0.3}, .deviation = {0.5, 0.25, 1}};
  Sequential net = make_model("normalize+mlp:5", image, 2, {.channels = channels}, rng);
  Sequential plain = make_model("mlp:5", image, 2, {}, same);
  CHECK(net.parameter_count() == plain.parameter_count());
  CHECK(net[0].describe() == "Normalize(3)");
  CHECK(net[2].name() == "2");
  CHECK(net.named_parameters().front().name == "2.weight");
  // The same weights behind it: y = f((x − μ) / σ).
  const Tensor x = random_tensor({2, 3, 4, 4}, 2);
  Tensor scaled = x.clone();
  for (std::size_t i = 0; i < scaled.values().size(); ++i) {
    const std::size_t c = i / 16 % 3;
    scaled.values()[i] = static_cast<real>((static_cast<double>(x.values()[i]) - channels.mean[c]) /
                                           channels.deviation[c]);
  }
  CHECK(difference(net(x), plain(scaled)) < 1e-5);
  const Folder folder;
  const std::string file = folder.file("x.safetensors");
  save_model(net, file, {.spec = "normalize+mlp:5", .image = image, .classes = 2});
  SavedModel loaded = load_model(file);
  CHECK(difference(loaded.network(x), net(x)) < 1e-5);
  // Without numbers it changes nothing.
  Rng third(1);
  Sequential neutral = make_model("normalize+mlp:5", image, 2, {}, third);
  CHECK(same_bits(neutral(x), plain(x)));
  CHECK(error_of([&] {
          make_model("normalize+mlp:5", {1, 4, 4}, 2, {.channels = channels}, rng);
        }) == "model: Normalize has numbers for 3 channels; the images have 1");
  CHECK(contains(error_of([] { check_model_spec("normalize+rnn:5"); }), "\"rnn:5\" is not known"));
  CHECK(contains(error_of([] { check_model_spec("normalize+normalize+mlp:5"); }), "twice"));
}
