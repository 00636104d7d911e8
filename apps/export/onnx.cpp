#include "apps/export/onnx.h"

#include "core/error.h"

#if __has_include(<onnx/onnx_pb.h>) && __has_include(<google/protobuf/message.h>)
#define ONNX_ML  // the one variant of the schema that the package has
#include <onnx/onnx_pb.h>

#include <cmath>
#include <initializer_list>
#include <vector>

#include "apps/export/plain_layers.h"
#include "core/files/file.h"

namespace limbeck {
namespace {

constexpr const char* op = "export_onnx";

// --- attributes of a node ---

void set(onnx::NodeProto& node, const char* name, Index value) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
}

void set(onnx::NodeProto& node, const char* name, std::initializer_list<Index> values) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INTS);
  for (const Index value : values) attribute.add_ints(value);
}

void set(onnx::NodeProto& node, const Window2d& window) {
  const auto& [kernel, stride, padding, dilation] = window;
  set(node, "kernel_shape", {kernel.height, kernel.width});
  set(node, "strides", {stride.height, stride.width});
  // Before the image along both axes, then after it.
  set(node, "pads", {padding.height, padding.width, padding.height, padding.width});
  if (dilation != Size2d(1)) set(node, "dilations", {dilation.height, dilation.width});
}

// The graph under construction: each node takes what the one before it gives.
class Builder {
 public:
  Builder(onnx::GraphProto& graph, const Shape& image) : graph_(graph), last_("images") {
    describe(*graph_.add_input(), last_, image);
  }

  void add(const PlainLayer& layer) {
    switch (layer.kind) {
      case PlainKind::linear: {
        if (layer.in.rank() != 1) {
          fail(op, "a Linear of ONNX takes (N, D) and this one gets images {}; add a Flatten",
               layer.in);
        }
        onnx::NodeProto& gemm = append("Gemm");  // x Wᵀ + b
        set(gemm, "transB", 1);
        add_weights(gemm, layer);
        break;
      }
      case PlainKind::conv2d: {
        onnx::NodeProto& conv = append("Conv");
        set(conv, layer.window);
        set(conv, "group", layer.groups);
        add_weights(conv, layer);
        break;
      }
      case PlainKind::relu:
        append("Relu");
        break;
      case PlainKind::max_pool:
        set(append("MaxPool"), layer.window);
        break;
      case PlainKind::avg_pool: {
        onnx::NodeProto& pool = append("AveragePool");
        set(pool, layer.window);
        set(pool, "count_include_pad", 1);
        break;
      }
      case PlainKind::global_avg_pool:
        append("GlobalAveragePool");  // to (N, C, 1, 1)
        set(append("Flatten"), "axis", 1);
        break;
      case PlainKind::flatten:
        set(append("Flatten"), "axis", 1);
        break;
    }
  }

  // The last layer gives the logits, and softmax the probabilities.
  void finish(const Shape& logits) {
    last_ = "logits";
    graph_.mutable_node()->rbegin()->set_output(0, last_);
    describe(*graph_.add_output(), last_, logits);
    onnx::NodeProto& softmax = append("Softmax");
    set(softmax, "axis", -1);
    softmax.set_output(0, "probabilities");
    describe(*graph_.add_output(), "probabilities", logits);
  }

 private:
  onnx::NodeProto& append(const char* type) {
    onnx::NodeProto& node = *graph_.add_node();
    node.set_op_type(type);
    node.set_name(fmt::format("{}_{}", type, graph_.node_size() - 1));
    node.add_input(last_);
    last_ = node.name() + "_out";
    node.add_output(last_);
    return node;
  }

  void add_weights(onnx::NodeProto& node, const PlainLayer& layer) {
    add_constant(node, node.name() + "_weight", layer.weight);
    add_constant(node, node.name() + "_bias", layer.bias);
  }

  void add_constant(onnx::NodeProto& node, const std::string& name, const Tensor& values) {
    std::vector<float> floats;
    floats.reserve(values.values().size());
    for (const real x : values.values()) {
      floats.push_back(static_cast<float>(x));
      if (std::isfinite(floats.back())) continue;
      fail(op, "{}, of shape {}, holds {}; only weights that are finite as floats can be exported",
           name, values.shape(), x);
    }
    onnx::TensorProto& tensor = *graph_.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    for (const Index dim : values.shape()) tensor.add_dims(dim);
    tensor.set_raw_data(floats.data(), floats.size() * sizeof(float));
    node.add_input(name);
  }

  // An input or output of the graph: (N, …), with the shape of one image after the free N.
  static void describe(onnx::ValueInfoProto& value, const std::string& name, const Shape& shape) {
    value.set_name(name);
    onnx::TypeProto::Tensor& type = *value.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    type.mutable_shape()->add_dim()->set_dim_param("N");
    for (const Index dim : shape) type.mutable_shape()->add_dim()->set_dim_value(dim);
  }

  onnx::GraphProto& graph_;
  std::string last_;  // the value that the next node takes
};

}  // namespace

void export_onnx(Sequential& network, const Shape& image, const std::string& path) {
  const std::vector<PlainLayer> layers = plain_layers(network, image);
  const Shape logits = layers.empty() ? image : layers.back().out;
  if (layers.empty() || logits.rank() != 1) {
    fail(op, "the network must give logits (N, C); it gives images of shape {}", logits);
  }
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.set_producer_name("limbeck");
  onnx::OperatorSetIdProto& operators = *model.add_opset_import();
  operators.set_domain("");
  operators.set_version(13);
  model.mutable_graph()->set_name("limbeck");
  Builder builder(*model.mutable_graph(), image);
  for (const PlainLayer& layer : layers) builder.add(layer);
  builder.finish(logits);

  std::string bytes;
  if (!model.SerializeToString(&bytes)) fail(op, "{}: over 2 GiB, ONNX's limit for a file", path);
  write_file(op, path, bytes);
}

bool onnx_is_built_in() {
  return true;
}

}  // namespace limbeck

#else
namespace limbeck {

void export_onnx(Sequential&, const Shape&, const std::string&) {
  fail("export_onnx",
       "this program was built without ONNX; install libonnx-dev and libprotobuf-dev, make clean, "
       "and build it anew");
}

bool onnx_is_built_in() {
  return false;
}

}  // namespace limbeck
#endif
