// Networks from ONNX files: PyTorch's, our own, files put together by hand, and spoiled ones.
#include "nn/import/onnx.h"

#include "core/files/npy.h"
#include "nn/export/onnx.h"
#include "nn/group_norm.h"
#include "nn/gru.h"
#include "nn/layer_norm.h"
#include "nn/models.h"
#include "nn/vit.h"
#include "nn/weights.h"
#include "tests/data/idx_files.h"
#include "tests/nn/export/networks.h"
#include "tests/nn/import/onnx_bytes.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// A perceptron (N, 2) → (N, 3) by hand, whose last operator is a softmax.
OnnxModel small() {
  return {
      .nodes = {node("Gemm", {"x", "w", "b"}, {"z"}, {attribute("transB", 1)}),
                node("Relu", {"z"}, {"r"}), node("Softmax", {"r"}, {"y"}, {attribute("axis", -1)})},
      .constants = {constant("w", {3, 2}, {1, 2, 3, 4, 5, 6}), constant("b", {3}, {1, 2, -20})}};
}

std::string refusal(const OnnxModel& model, const OnnxImport& options = {}) {
  return error_of([&] { OnnxNetwork(bytes_of(model), "x.onnx", options); });
}

}  // namespace

// tests/nn/import/write_networks.py has them.
TEST_CASE("what torch.onnx has written answers as it does in PyTorch") {
  struct Written {
    const char* name;
    Shape image;
  };
  for (const Written& written :
       {Written{"mlp", {1, 6, 6}}, Written{"lenet", {1, 12, 12}}, Written{"lenet-one", {1, 12, 12}},
        Written{"vgg", {1, 8, 8}}, Written{"resnet", {3, 12, 12}},
        Written{"transformer", {1, 8, 8}}, Written{"transformer-17", {1, 8, 8}},
        Written{"encoder", {1, 6, 8}}, Written{"pieces-9", {2, 7, 9}},
        Written{"pieces-13", {2, 7, 9}}}) {
    const std::string name = written.name;
    const Shape& image = written.image;
    CAPTURE(name);
    const std::string file = fmt::format("tests/nn/import/torch/{}.onnx", name);
    OnnxNetwork network = read_onnx(file);
    CHECK(network.image() == image);
    CHECK(network.classes() == 4);
    CHECK(contains(network.about(), "pytorch 1.13"));
    const Tensor expected = read_npy(fmt::format("tests/nn/import/torch/{}.npy", name));
    Tensor answers = network(wave(image.with_front(5), 1, 0.7));
    // Logits are the same but for a number, where the file's softmax is left out.
    if (contains(network.about(), "softmax at the end")) answers = log_softmax(answers);
    CHECK(difference(answers, expected) < 1e-5);
  }
}

TEST_CASE("a teacher of PyTorch's has the file's names, and statistics are buffers") {
  OnnxNetwork network = read_onnx("tests/nn/import/torch/mlp.onnx");
  std::vector<std::string> names;
  for (const NamedTensor& parameter : network.named_parameters()) names.push_back(parameter.name);
  CHECK(joined(names) == "1.bias\n1.weight\n4.bias\n4.weight");
  CHECK(network.parameter_count() == 36 * 8 + 8 + 8 * 4 + 4);
  CHECK(contains(network.about(), "operator set 7: (1, 6, 6) → (4); 1 Flatten, 2 Gemm, 1 Relu"));
  OnnxNetwork normed = read_onnx("tests/nn/import/torch/vgg.onnx");
  CHECK(normed.named_buffers().size() == 4);
  Sequential teacher(std::move(normed));
  teacher.set_name("teacher");
  CHECK(teacher.named_buffers()[0].tensor.name().starts_with("teacher.0."));
  CHECK(error_of([&] {
          teacher(Tensor::zeros({1, 3, 8, 8}));
        }) ==
        "teacher.0 (OnnxNetwork): onnx: tests/nn/import/torch/vgg.onnx takes images of (1, 8, 8); "
        "got (1, 3, 8, 8)");
}

TEST_CASE("what export_onnx writes answers as the network does") {
  Rng rng(1);
  const auto compare = [](Module& network, const Shape& image) {
    const Tensor images = random_tensor(image.with_front(8), 2);
    stir(network, images);
    const Folder folder;
    export_onnx(network, image, folder.file("x.onnx"));
    OnnxNetwork again = read_onnx(folder.file("x.onnx"));
    const NoGrad no_grad;
    const EvalMode eval_mode(network);
    const Tensor expected = network(images);
    CHECK(again.image() == image);
    CHECK(again.answer() == expected.shape().without_front());
    CHECK(difference(again(images), expected) < 1e-5);
  };
  Sequential perceptron = mlp({12, 8, 3}, {.dropout = 0.5}, rng);
  compare(perceptron, {1, 3, 4});
  Sequential convolutional = cnn_tiny({1, 16, 16}, 5, 0.2, rng);
  compare(convolutional, {1, 16, 16});
  Sequential residual = resnet8(3, 10, rng);
  compare(residual, {3, 8, 8});
  Sequential transformer =
      vit({1, 8, 8}, 4, {.patch = 4, .width = 8, .heads = 2, .blocks = 1}, rng);
  compare(transformer, {1, 8, 8});
  Sequential reader(
      [](const Tensor& x) {
        return reshape(x, {x.dim(0), 4, 3});
      },
      GRU({.in = 3, .out = 5}, rng), last_step, Linear({.in = 5, .out = 2}, rng));
  compare(reader, {1, 4, 3});
  Sequential mixed(
      Conv2d({.in = 2, .out = 4, .kernel = 3, .stride = 2, .padding = 1, .groups = 2}, rng),
      GroupNorm({.groups = 2, .channels = 4}), InstanceNorm(),
      AvgPool2d({.kernel = 3, .stride = 1, .padding = 1}), [](const Tensor& x) {
        const Tensor large = upsample2d(x, {.scale = 2, .mode = Upsampling::bilinear}) +
                             upsample2d(x, {.scale = {2, 2}});
        const Tensor framed = pad(slice(large, 3, 1, 5), -1, {.before = 1, .value = 0.5});
        const Tensor chosen = where(framed > 0.1, framed, clamp(framed, -0.2, 0.05) * 3);
        return max(log_sum_exp(chosen, 2, {.keep = true}), 1) + not_equal(sum(chosen, 1), 0.3);
      });
  compare(mixed, {2, 5, 6});
}

TEST_CASE("a file by hand gives logits: its softmax is left out, and N is free") {
  OnnxNetwork network(bytes_of(small()), "x.onnx");
  const Tensor x = Tensor::from({2, 2}, {1, 1, -1, 0});
  CHECK(difference(network(x), {4, 9, 0, 0, 0, 0}) == 0);
  CHECK(network.about() ==
        "operator set 13: (2) → (3); 1 Gemm, 1 Relu; a softmax at the end is left out");
  CHECK(network.describe().starts_with("OnnxNetwork(2 nodes, "));
  CHECK(difference(network(reshape(x, {2, 1, 1, 2})), network(x)) == 0);
  CHECK(network(Tensor::zeros({0, 2})).shape() == Shape{0, 3});
  Tensor wants = x.clone();
  CHECK_FALSE(network(wants.requires_grad()).wants_grad());
  // Another function is another network, though its numbers are the same.
  OnnxModel other = small();
  other.nodes[1] = node("Tanh", {"z"}, {"r"});
  CHECK(OnnxNetwork(bytes_of(other), "x.onnx").describe() != network.describe());
  // In an answer of two dimensions it is not known which one the classes are: softmax stays.
  OnnxModel square = small();
  square.constants.push_back(integers("shape", {-1, 3, 1}));
  square.constants.push_back(constant("twice", {1, 1, 2}, {1, 2}));
  square.nodes.back() = node("Reshape", {"r", "shape"}, {"r3"});
  square.nodes.push_back(node("Mul", {"r3", "twice"}, {"r4"}));
  square.nodes.push_back(node("Softmax", {"r4"}, {"y"}, {attribute("axis", 1)}));
  OnnxNetwork two(bytes_of(square), "x.onnx");
  CHECK(two.answer() == Shape{3, 2});
  CHECK(difference(sum(two(x), 1), Tensor::full({2, 2}, 1)) < 1e-6);
  // A softmax over something else than the classes is no answer's end.
  OnnxModel across = small();
  across.nodes[2] = node("Softmax", {"r"}, {"y"}, {attribute("axis", 0)});
  CHECK(difference(OnnxNetwork(bytes_of(across), "x.onnx")(slice_rows(x, 0, 1)), {1, 1, 1}) == 0);
}

TEST_CASE("a batch that the file fixes stays so only where it counts") {
  OnnxModel model = small();
  model.input = {2, 2};
  const Tensor x = random_tensor({5, 2}, 1);
  OnnxNetwork open(bytes_of(small()), "x.onnx"), fixed(bytes_of(model), "x.onnx");
  CHECK(difference(fixed(x), open(x)) == 0);
  // Small answers are compared as closely as large ones: here images count for one another.
  OnnxModel scaled = model;
  scaled.constants.push_back(constant("tiny", {}, {1e-6F}));
  scaled.nodes.back() = node("Softmax", {"r"}, {"s"}, {attribute("axis", 0)});
  scaled.nodes.push_back(node("Mul", {"s", "tiny"}, {"y"}));
  OnnxNetwork tiny(bytes_of(scaled), "x.onnx");
  CHECK(difference(slice_rows(tiny(x), 0, 2) * 1e6,
                   softmax(open(slice_rows(x, 0, 2)), {.dim = 0})) < 1e-5);
  // Written for two images, by a reshape that says so.
  model.nodes.insert(model.nodes.begin() + 2, node("Reshape", {"r", "shape"}, {"s"}));
  model.nodes[3] = node("Identity", {"s"}, {"y"});
  model.constants.push_back(integers("shape", {2, 3}));
  OnnxNetwork in_twos(bytes_of(model), "x.onnx");
  CHECK(difference(in_twos(x), open(x)) < 1e-6);  // to rounding: it depends on how many images
  // One that mixes the images of a batch: each two of them have the same softmax as in a batch.
  model.nodes[3] = node("LogSoftmax", {"s"}, {"y"}, {attribute("axis", 0)});
  OnnxNetwork mixing(bytes_of(model), "x.onnx");
  const Tensor first = log_softmax(open(slice_rows(x, 0, 2)), {.dim = 0});
  CHECK(difference(slice_rows(mixing(x), 0, 2), first) < 1e-6);
  CHECK(contains(refusal({.nodes = {node("Reshape", {"x", "shape"}, {"y"})},
                          .constants = {integers("shape", {1, 2})}}),
                 "x.onnx: node y (Reshape): Reshape: (2, 2) cannot become (1, 2); if a batch of "
                 "another size is fixed in it, export the network for any batch (dynamic_axes)"));
}

TEST_CASE("weights of 16 and 64 bits become reals, whatever list they lie in") {
  OnnxModel model = small();
  const auto with = [&](const Bytes& weights) {
    model.constants[0] = weights;
    OnnxNetwork network(bytes_of(model), "x.onnx");
    return network(Tensor::from({1, 2}, {1, 1}));
  };
  const std::vector<real> expected = {4, 9, 0};
  Bytes halves, brains, doubles, packed, alone;
  for (const double w : {1, 2, 3, 4, 5, 6}) {
    doubles += protobuf::bytes_of(w);
    packed += protobuf::bytes_of(static_cast<float>(w));
    alone += protobuf::floating(4, static_cast<float>(w));
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(w));
    brains += protobuf::bytes_of(static_cast<std::uint16_t>(bits >> 16));
  }
  for (const int bits : {0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600}) {
    halves += protobuf::bytes_of(static_cast<std::uint16_t>(bits));
  }
  const Tensor right = Tensor::from({1, 3}, expected);
  CHECK(difference(with(constant_bytes("w", {3, 2}, 10, halves)), right) == 0);
  CHECK(difference(with(constant_bytes("w", {3, 2}, 16, brains)), right) == 0);
  CHECK(difference(with(constant_bytes("w", {3, 2}, 11, doubles)), right) == 0);
  const Bytes head = protobuf::sized(8, "w") + protobuf::integer(1, 3) + protobuf::integer(1, 2) +
                     protobuf::integer(2, 1);
  CHECK(difference(with(head + protobuf::sized(4, packed)), right) == 0);
  CHECK(difference(with(head + alone), right) == 0);
}

TEST_CASE("what cannot be read is refused by name, and says how to mend it") {
  OnnxModel model = small();
  model.nodes[1] = node("Einsum", {"z"}, {"r"});
  model.nodes.push_back(node("If", {"r"}, {"unused"}));  // needed by nothing
  model.nodes.insert(model.nodes.begin(), node("Loop", {"x"}, {"l"}));
  model.nodes[1] = node("Gemm", {"l", "w", "b"}, {"z"});
  CHECK(refusal(model) ==
        "read_onnx: x.onnx: operators that are not known here: Loop and Einsum; export it with "
        "opset_version=17, in evaluation mode, or write the layer in other operators");
  model.nodes.resize(1);
  for (int i = 0; i < 10; ++i) {
    const std::string in = i == 0 ? "l" : fmt::format("v{}", i - 1);
    model.nodes.push_back(
        node(fmt::format("Odd{}", i), {in}, {i == 9 ? "y" : fmt::format("v{}", i)}));
  }
  CHECK(contains(refusal(model), "Odd5, Odd6 and 3 more; export"));
  model = small();
  model.nodes[1] += protobuf::sized(7, "com.microsoft");
  CHECK(contains(refusal(model), "not known here: com.microsoft.Relu; "));
  for (const Index set : {6, 22}) {
    model = small();
    model.set = set;
    CHECK(refusal(model) == fmt::format("read_onnx: x.onnx: it is of operator set {}; 7 to 21 are "
                                        "read: export it with opset_version=17",
                                        set));
  }
  model = small();
  model.nodes[1] = node("Relu", {"nothing"}, {"r"});
  CHECK(refusal(model) ==
        "read_onnx: x.onnx: node r (Relu) takes \"nothing\", which no node before it gives");
  model = small();
  model.nodes[0] = node("Gemm", {"x", "w", "b"}, {"z"}, {attribute("turned", 1)});
  CHECK(contains(refusal(model), "node z (Gemm): "));
  model.nodes[0] =
      node("Gemm", {"x", "w", "b"}, {"z"}, {attribute("transB", 1), attribute("turned", 1)});
  CHECK(refusal(model) ==
        "read_onnx: x.onnx: node z (Gemm): Gemm: the attribute turned is not known here");
  model.nodes[0] = node("Gemm", {"x", "w", "b"}, {"z"});
  CHECK(contains(refusal(model), "read_onnx: x.onnx: node z (Gemm): matmul: "));
  model = small();
  model.constants[0] = constant("w", {3, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(refusal(model) ==
        "read_onnx: x.onnx: the constant \"w\" of shape (3, 3) has 6 elements where 9 belong");
  model.constants[0] = protobuf::sized(8, "w") + protobuf::integer(14, 1);
  CHECK(contains(refusal(model), "the constant \"w\" lies in a file of its own (external data)"));
  model.constants[0] = constant_bytes("w", {}, 8, "text");
  CHECK(contains(refusal(model), "the constant \"w\" is of type 8; floats of 16, 32 and 64 bits"));
  model = small();
  model.input = {-1, 1, -1, -1};
  CHECK(refusal(model) ==
        "read_onnx: x.onnx: its input \"x\" (?, 1, ?, ?) leaves sizes open; say "
        "of what images: {.image = {1, 28, 28}}");
  model.input = {-1, -1};
  CHECK(refusal(model, {.image = {1, 1, 2}}) == "(no error)");
  model.input_type = 7;
  CHECK(contains(refusal(model, {.image = {1, 1, 2}}), "its input \"x\" (?, ?) is not of floats"));
  CHECK(error_of([] { OnnxNetwork("", "x.onnx"); }) ==
        "read_onnx: x.onnx: no ONNX file: there is no graph in it");
  CHECK(
      contains(error_of([] { OnnxNetwork("\x89PNG\r\n\x1a\n", "x.onnx"); }), "of another format"));
  CHECK(error_of([] { read_onnx("/no/such.onnx"); }) ==
        "read_onnx: /no/such.onnx: cannot be opened: No such file or directory");
  // In training mode.
  CHECK(contains(refusal({.nodes = {node("BatchNormalization", {"x", "a", "a", "a", "a"}, {"y"},
                                         {attribute("training_mode", 1)})},
                          .constants = {constant("a", {2}, {1, 1})}}),
                 "export the network in evaluation mode: model.eval()"));
}

TEST_CASE("whole numbers that a real cannot hold are refused; the largest say: to the end") {
  const auto divided = [](const Bytes& number) {
    OnnxModel model = small();
    model.constants.push_back(number);
    model.nodes.insert(model.nodes.begin(), {node("Cast", {"n"}, {"f"}, {attribute("to", 1)}),
                                             node("Div", {"x", "f"}, {"x2"})});
    model.nodes[2] = node("Gemm", {"x2", "w", "b"}, {"z"}, {attribute("transB", 1)});
    return refusal(model);
  };
  CHECK(divided(integers("n", {1 << 20})) == "(no error)");
  CHECK(divided(integers("n", {20000000})) ==
        "read_onnx: x.onnx: the constant \"n\" holds 20000000, beyond 2^24, up to which whole "
        "numbers are exact");
  CHECK(contains(divided(integers("n", {std::numeric_limits<Index>::max()})),
                 "it makes a real number of 16777216 or more"));
  // The mean of 3 and 4 is 3 among whole numbers.
  const OnnxModel mean = {
      .nodes = {node("ReduceMean", {"three_four"}, {"m"}), node("Mul", {"x", "m"}, {"y"})},
      .constants = {integers("three_four", {3, 4})}};
  CHECK(contains(refusal(mean), "ReduceMean: it gives 3.5 where whole numbers are to be"));
}

TEST_CASE("a file cannot ask for more memory than there should be") {
  const OnnxModel large = {
      .nodes = {node("Expand", {"x", "s"}, {"l"}), node("ReduceSum", {"l", "a"}, {"y"})},
      .constants = {integers("s", {1 << 12, 1 << 12, 1 << 12, 1, 1}), integers("a", {0, 1, 2})}};
  CHECK(contains(refusal(large), "node l (Expand): Storage: "));
  const OnnxModel wide = {.nodes = {node("Relu", {"x"}, {"y"})}, .input = {1, 1 << 13, 1 << 13}};
  CHECK(contains(refusal(wide), "numbers; 1 to 16777216 are taken"));
  // No elements, no bytes: but a list of places along the other dimension would take them.
  OnnxModel hollow = small();
  hollow.constants.push_back(integers("shape", {0, 1 << 24}));
  for (const auto& [name, number] :
       {std::pair{"zero", 0}, {"one", 1}, {"two", 2}, {"end", 1 << 24}}) {
    hollow.constants.push_back(integers(name, {number}));
  }
  const std::vector<Bytes> longer = {
      node("ConstantOfShape", {"shape"}, {"e"}),
      node("Concat", std::vector<Bytes>(1 << 10, "e"), {"many"}, {attribute("axis", 1)}),
      node("Slice", {"many", "zero", "end", "one", "two"}, {"part"}),
      node("ReduceSum", {"part"}, {"sum"}), node("Add", {"x", "sum"}, {"x2"})};
  hollow.nodes[0] = node("Gemm", {"x2", "w", "b"}, {"z"}, {attribute("transB", 1)});
  hollow.nodes.insert(hollow.nodes.begin(), longer.begin(), longer.end());
  CHECK(contains(refusal(hollow),
                 "Slice: input 0 has the shape (0, 17179869184): without elements, and too large"));
}

TEST_CASE("no cut or changed ONNX file does worse than an error") {
  const Tensor x = Tensor::zeros({1, 2});
  int read = 0;
  const auto survives = [&](const Bytes& bytes) {
    const std::string error = error_of([&] {
      OnnxNetwork network(bytes, "x.onnx");
      if (!network.takes({2})) return;
      const Tensor y = network(x);
      REQUIRE(y.shape().without_front() == network.answer());
    });
    read += error == "(no error)" ? 1 : 0;
    const bool known = error == "(no error)" || error.starts_with("read_onnx: x.onnx: ");
    CHECK_MESSAGE(known, error);
  };
  OnnxModel model = small();
  model.nodes.insert(model.nodes.begin() + 2,
                     {node("Shape", {"r"}, {"n"}), node("Reshape", {"r", "n"}, {"r2"}),
                      node("Clip", {"r2", "", "h"}, {"r3"})});
  model.nodes.back() = node("Softmax", {"r3"}, {"y"}, {attribute("axis", -1)});
  model.constants.push_back(constant("h", {}, {100}));
  const Bytes whole = bytes_of(model);
  survives(whole);
  CHECK(read == 1);
  for (std::size_t size = 0; size < whole.size(); ++size) survives(whole.substr(0, size));
  Rng rng(3);
  for (int copy = 0; copy < 2000; ++copy) {
    Bytes changed = whole;
    for (Index left = 1 + rng.below(3); left > 0; --left) {
      changed[static_cast<std::size_t>(rng.below(static_cast<Index>(whole.size())))] =
          static_cast<char>(rng.next());
    }
    survives(changed);
  }
  CHECK(read > 20);
  CHECK(read < 2000);
}
