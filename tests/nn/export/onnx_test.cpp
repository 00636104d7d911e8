// What an ONNX file holds, read back with the schema's own library, and what is not exported.
#include "nn/export/onnx.h"

#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/models.h"
#include "nn/pooling.h"
#include "nn/vit.h"
#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;

#if __has_include(<onnx/onnx_pb.h>) && __has_include(<google/protobuf/message.h>)
#define ONNX_ML  // the one variant of the schema that the package has
#include <onnx/onnx_pb.h>

namespace {

onnx::ModelProto exported(Module& network, const Shape& image, const OnnxOptions& options = {}) {
  const Folder folder;
  export_onnx(network, image, folder.file("x.onnx"), options);
  const Bytes bytes = read_all(folder.file("x.onnx"));
  onnx::ModelProto model;
  REQUIRE(model.ParseFromString(bytes));
  return model;
}

std::string list(const auto& items) {
  std::string text;
  for (const auto& item : items) text += fmt::format("{}{}", text.empty() ? "" : ",", item);
  return text;
}

// "y = Conv(x,w,b) group=1 strides=2,2", a line for each node.
std::string nodes_of(const onnx::ModelProto& model) {
  std::vector<std::string> lines;
  for (const onnx::NodeProto& node : model.graph().node()) {
    lines.push_back(
        fmt::format("{} = {}({})", list(node.output()), node.op_type(), list(node.input())));
    for (const onnx::AttributeProto& attribute : node.attribute()) {
      const bool one = attribute.type() == onnx::AttributeProto::INT;
      const bool real_number = attribute.type() == onnx::AttributeProto::FLOAT;
      if (!one && !real_number) CHECK(attribute.type() == onnx::AttributeProto::INTS);
      lines.back() += fmt::format(" {}={}", attribute.name(),
                                  one           ? fmt::to_string(attribute.i())
                                  : real_number ? fmt::to_string(attribute.f())
                                                : list(attribute.ints()));
    }
  }
  return joined(lines);
}

std::string types_of(const onnx::ModelProto& model) {
  std::vector<std::string> types;
  for (const onnx::NodeProto& node : model.graph().node()) types.push_back(node.op_type());
  return list(types);
}

// "images (N,1,28,28)", a line for each.
std::string values_of(const google::protobuf::RepeatedPtrField<onnx::ValueInfoProto>& values) {
  std::vector<std::string> lines;
  for (const onnx::ValueInfoProto& value : values) {
    CHECK(value.type().tensor_type().elem_type() == onnx::TensorProto::FLOAT);
    std::vector<std::string> dims;
    for (const auto& dim : value.type().tensor_type().shape().dim()) {
      dims.push_back(dim.has_dim_param() ? dim.dim_param() : fmt::to_string(dim.dim_value()));
    }
    lines.push_back(fmt::format("{} ({})", value.name(), list(dims)));
  }
  return joined(lines);
}

// Likewise of the weights, whose bytes must be as many as their shapes say.
std::string weights_of(const onnx::ModelProto& model) {
  std::vector<std::string> lines;
  for (const onnx::TensorProto& tensor : model.graph().initializer()) {
    const bool integers = tensor.data_type() == onnx::TensorProto::INT64;
    std::size_t bytes = integers ? sizeof(Index) : sizeof(float);
    for (const Index dim : tensor.dims()) bytes *= static_cast<std::size_t>(dim);
    CHECK(tensor.raw_data().size() == bytes);
    if (!integers) CHECK(tensor.data_type() == onnx::TensorProto::FLOAT);
    lines.push_back(fmt::format("{} ({})", tensor.name(), list(tensor.dims())));
  }
  return joined(lines);
}

}  // namespace

TEST_CASE("a perceptron's ONNX file has its layers without dropout, and its weights bit by bit") {
  Rng rng(1);
  Sequential network = mlp({6, 4, 3}, {.dropout = 0.5, .input_dropout = 0.2}, rng);
  const onnx::ModelProto model = exported(network, {1, 2, 3});
  CHECK(model.ir_version() == 8);
  CHECK(model.producer_name() == "limbeck");
  REQUIRE(model.opset_import().size() == 1);
  CHECK(model.opset_import(0).domain() == "");
  CHECK(model.opset_import(0).version() == 13);
  CHECK(values_of(model.graph().input()) == "images (N,1,2,3)");
  CHECK(values_of(model.graph().output()) == "logits (N,3)\nprobabilities (N,3)");
  CHECK(nodes_of(model) ==
        "Flatten_0_out = Flatten(images) axis=1\n"
        "Gemm_1_out = Gemm(Flatten_0_out,Gemm_1_weight,Gemm_1_bias) transB=1\n"
        "Relu_2_out = Relu(Gemm_1_out)\n"
        "logits = Gemm(Relu_2_out,Gemm_3_weight,Gemm_3_bias) transB=1\n"
        "probabilities = Softmax(logits) axis=-1");
  CHECK(weights_of(model) ==
        "Gemm_1_weight (4,6)\nGemm_1_bias (4)\nGemm_3_weight (3,4)\nGemm_3_bias (3)");
  const std::vector<Tensor> parameters = network.parameters();
  REQUIRE(parameters.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    Bytes bytes;
    for (const real x : parameters[i].values()) {
      const auto element = static_cast<float>(x);
      bytes.append(reinterpret_cast<const char*>(&element), sizeof(element));
    }
    CHECK(model.graph().initializer(static_cast<int>(i)).raw_data() == bytes);
  }
}

TEST_CASE("cnn-tiny's ONNX file has no batch norm") {
  Rng rng(1);
  Sequential network = cnn_tiny({1, 28, 28}, 10, 0.2, rng);
  const onnx::ModelProto model = exported(network, {1, 28, 28});
  CHECK(values_of(model.graph().input()) == "images (N,1,28,28)");
  CHECK(types_of(model) ==
        "Conv,Relu,Conv,Relu,MaxPool,Conv,Relu,MaxPool,Conv,Relu,MaxPool,Flatten,Gemm,Softmax");
  CHECK(weights_of(model) ==
        "Conv_0_weight (8,1,3,3)\nConv_0_bias (8)\nConv_2_weight (16,8,3,3)\nConv_2_bias (16)\n"
        "Conv_5_weight (16,16,3,3)\nConv_5_bias (16)\nConv_8_weight (24,16,3,3)\nConv_8_bias (24)\n"
        "Gemm_12_weight (10,216)\nGemm_12_bias (10)");
}

TEST_CASE("windows in an ONNX file have height before width, and padding before and after") {
  Rng rng(1);
  Sequential network(
      Conv2d(
          {.in = 2, .out = 4, .kernel = {3, 5}, .stride = {2, 1}, .padding = {1, 2}, .groups = 2},
          rng),
      MaxPool2d({.kernel = {2, 3}}),
      AvgPool2d({.kernel = {4, 2}, .stride = {1, 2}, .padding = {2, 1}}), GlobalAvgPool2d());
  CHECK(nodes_of(exported(network, {2, 12, 13})) ==
        "Conv_0_out = Conv(images,Conv_0_weight,Conv_0_bias) kernel_shape=3,5 strides=2,1 "
        "pads=1,2,1,2 group=2\n"
        "MaxPool_1_out = MaxPool(Conv_0_out) kernel_shape=2,3 strides=2,3 pads=0,0,0,0\n"
        "AveragePool_2_out = AveragePool(MaxPool_1_out) kernel_shape=4,2 strides=1,2 "
        "pads=2,1,2,1 count_include_pad=1\n"
        "GlobalAveragePool_3_out = GlobalAveragePool(AveragePool_2_out)\n"
        "logits = Flatten(GlobalAveragePool_3_out) axis=1\n"
        "probabilities = Softmax(logits) axis=-1");
}

TEST_CASE("a dilated convolution's node in an ONNX file says so") {
  Rng rng(1);
  Sequential network(Conv2d({.in = 1, .out = 2, .kernel = {3, 5}, .dilation = {2, 1}}, rng),
                     GlobalAvgPool2d());
  CHECK(contains(nodes_of(exported(network, {1, 8, 8})),
                 "kernel_shape=3,5 strides=1,1 pads=0,0,0,0 dilations=2,1 group=1\n"));
}

TEST_CASE("what is no classifier has one output") {
  Rng rng(1);
  Sequential images(Conv2d({.in = 1, .out = 2, .bias = false}, rng), ReLU());
  const onnx::ModelProto model = exported(images, {1, 4, 4});
  CHECK(values_of(model.graph().output()) == "output (N,2,4,4)");
  CHECK(nodes_of(model) ==
        "Conv_0_out = Conv(images,Conv_0_weight) kernel_shape=1,1 strides=1,1 pads=0,0,0,0 "
        "group=1\n"
        "output = Relu(Conv_0_out)");
}

TEST_CASE("a Linear on tokens is a product and a sum, batch norm by itself an operator") {
  Rng rng(1);
  Sequential network(
      BatchNorm2d({.channels = 2, .eps = 0.5}),
      [](const Tensor& x) {
        return reshape(x, {x.dim(0), 3, 4});
      },
      Linear({.in = 4, .out = 5}, rng));
  const onnx::ModelProto model = exported(network, {2, 2, 3});
  CHECK(nodes_of(model) ==
        "BatchNormalization_0_out = BatchNormalization(images,BatchNormalization_0_weight,"
        "BatchNormalization_0_bias,BatchNormalization_0_running_mean,"
        "BatchNormalization_0_running_var) epsilon=0.5\n"
        "Reshape_1_out = Reshape(BatchNormalization_0_out,Reshape_1_shape)\n"
        "Transpose_2_out = Transpose(Transpose_2_weight) perm=1,0\n"
        "MatMul_3_out = MatMul(Reshape_1_out,Transpose_2_out)\n"
        "output = Add(MatMul_3_out,Add_4_bias)");
  const onnx::TensorProto& shape = model.graph().initializer(4);
  REQUIRE(shape.name() == "Reshape_1_shape");
  std::array<Index, 3> sizes{};
  REQUIRE(shape.raw_data().size() == sizeof sizes);
  std::memcpy(sizes.data(), shape.raw_data().data(), sizeof sizes);
  CHECK(sizes == std::array<Index, 3>{-1, 3, 4});  // N is what is left over
}

TEST_CASE("a weight that several layers share is in the file once") {
  Rng rng(1);
  Sequential network([layer = std::make_shared<Linear>(Linear::Options{.in = 2, .out = 2}, rng)](
                         const Tensor& x) { return (*layer)(relu((*layer)(x))); });
  CHECK(exported(network, {2}).graph().initializer().size() == 2);
}

TEST_CASE("a vision transformer's ONNX file has operators only that set 13 has") {
  Rng rng(1);
  Sequential network = vit({1, 8, 8}, 10, {.patch = 4, .width = 8, .heads = 2, .blocks = 1}, rng);
  const onnx::ModelProto model = exported(network, {1, 8, 8});
  const std::set<std::string> known = {"Add",     "Conv",   "Div", "Erf",        "Flatten",
                                       "Gemm",    "MatMul", "Mul", "ReduceMean", "ReduceSum",
                                       "Reshape", "Sqrt",   "Sub", "Softmax",    "Transpose"};
  for (const onnx::NodeProto& node : model.graph().node()) {
    CAPTURE(node.op_type());
    CHECK(known.contains(node.op_type()));
  }
}

TEST_CASE(
    "an op that is not known is refused by its name and its layer's, until it has a mapping") {
  Rng rng(1);
  Sequential network(Linear({.in = 2, .out = 3}, rng), [](const Tensor& x) {
    return record("halve", x * real(0.5), {x},
                  [](const Tensor& dy) -> Gradients { return {dy * real(0.5)}; });
  });
  CHECK(error_of([&] { exported(network, {2}); }) ==
        "export_onnx: 1 (Function): halve is no op that is known here; say how ONNX has it: "
        "OnnxOptions::mappings");
  const OnnxMapping halve = [](OnnxBuilder& onnx, const GraphOp& op) {
    return onnx.node("Div", {onnx.input(op, 0), onnx.constant(2, "two")});
  };
  CHECK(nodes_of(exported(network, {2}, {.mappings = {{"halve", halve}}})) ==
        "Gemm_0_out = Gemm(images,Gemm_0_weight,Gemm_0_bias) transB=1\n"
        "logits = Div(Gemm_0_out,Div_1_two)\n"
        "probabilities = Softmax(logits) axis=-1");
  // Also one that gives its input back, or a constant; and one instead of the library's.
  const OnnxMapping nothing = [](OnnxBuilder& onnx, const GraphOp& op) {
    return onnx.input(op, 0);
  };
  CHECK(nodes_of(exported(network, {2}, {.mappings = {{"halve", nothing}}})) ==
        "logits = Gemm(images,Gemm_0_weight,Gemm_0_bias) transB=1\n"
        "probabilities = Softmax(logits) axis=-1");
  CHECK(nodes_of(exported(network, {2}, {.mappings = {{"halve", nothing}, {"linear", nothing}}})) ==
        "logits = Identity(images)\n"
        "probabilities = Softmax(logits) axis=-1");
}

TEST_CASE("what has no finite weights is not exported, and an old file stays") {
  const Folder folder;
  const std::string file = folder.write("x.onnx", "old");
  const auto refusal = [&](Sequential& network, const Shape& image) {
    const std::string text = error_of([&] { export_onnx(network, image, file); });
    CHECK(read_all(file) == "old");
    return text;
  };
  Rng rng(1);
  Sequential network = mlp({4, 3, 2}, {}, rng);
  Tensor weight = network.parameters()[2];
  for (const real x : {real{NAN}, real{INFINITY}}) {
    weight.values()[5] = x;
    CHECK(
        refusal(network, {1, 2, 2}) ==
        fmt::format("export_onnx: 3 (Linear): linear takes 3.weight, of shape (2, 3), which holds "
                    "{}; only weights that are finite as floats can be exported",
                    x));
  }
  Sequential none;
  CHECK(refusal(none, {1, 4, 4}) == "export: the network computes nothing");
}

TEST_CASE("an ONNX file that cannot be written is an error with its path") {
  Rng rng(1);
  Sequential network = mlp({4, 2}, {}, rng);
  CHECK(error_of([&] {
          export_onnx(network, {1, 2, 2}, "/no/such/folder/x.onnx");
        }) == "export_onnx: /no/such/folder/x.onnx: cannot be written: No such file or directory");
}

#else

TEST_CASE("what ONNX files hold is read by the schema's library") {
  MESSAGE("skipped: libonnx-dev or libprotobuf-dev is not installed");
}

#endif
