#include "nn/import/onnx_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "core/files/file.h"
#include "core/files/half.h"
#include "core/files/protobuf_reader.h"

namespace limbeck::imported {
namespace {

using protobuf::Field;
using protobuf::MessageReader;

constexpr Index oldest_set = 7, newest_set = 21;

// TensorProto.DataType.
enum Type : Index {
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  int32 = 6,
  int64 = 7,
  boolean = 9,
  float16 = 10,
  float64 = 11,
  bfloat16 = 16
};

// --- messages of onnx.proto, by the numbers of their fields there ---

// A TensorProto's fields. Its elements lie in one of the lists, or raw.
struct TensorFields {
  std::string name{};
  std::vector<std::int64_t> dims{};
  std::int64_t type = 0;
  bool elsewhere = false;  // in another file
  std::vector<float> floats{};
  std::vector<double> doubles{};
  std::vector<std::int64_t> integers{};
  std::string_view raw{};
};

TensorFields fields_of(MessageReader message) {
  TensorFields t;
  for (Field field; message.next(field);) {
    switch (field.number) {
      case 1:
        message.append(field, t.dims);
        break;
      case 2:
        t.type = message.integer(field);
        break;
      case 4:
        message.append(field, t.floats);
        break;
      case 5:
      case 7:
        message.append(field, t.integers);
        break;
      case 8:
        t.name = message.text(field);
        break;
      case 9:
        t.raw = message.bytes(field);
        break;
      case 10:
        message.append(field, t.doubles);
        break;
      case 13:
        t.elsewhere = true;
        break;
      case 14:
        t.elsewhere |= message.integer(field) != 0;
        break;
      default:  // texts about it
        break;
    }
  }
  return t;
}

// Makes a tensor of a message, which it names in errors.
class TensorMaker {
 public:
  TensorMaker(const MessageReader& message, const TensorFields& fields)
      : message_(message), t_(fields) {}

  Value make() {
    if (t_.elsewhere) {
      refuse(
          "lies in a file of its own (external data), which is not read; save the model as one "
          "file: onnx.save(onnx.load(FILE), OTHER)");
    }
    switch (t_.type) {
      case float32:
        return make<float>(t_.floats, as_it_is);
      case float64:
        return make<double>(t_.doubles, as_it_is);
      case float16:
        return make<std::uint16_t>(t_.integers, from_f16);
      case bfloat16:
        return make<std::uint16_t>(t_.integers, from_bf16);
      case int64:
        return make<std::int64_t>(t_.integers, as_a_real, true);
      case int32:
        return make<std::int32_t>(t_.integers, as_a_real, true);
      case int8:
        return make<std::int8_t>(t_.integers, as_a_real, true);
      case uint8:
      case boolean:
        return make<std::uint8_t>(t_.integers, as_a_real, true);
      default:
        refuse(
            "is of type {}; floats of 16, 32 and 64 bits, integers of 8, 32 and 64, and truth "
            "values are read",
            t_.type);
    }
  }

 private:
  static constexpr auto as_it_is = [](auto x) { return x; };
  static constexpr auto as_a_real = [](auto x) { return whole_number(x); };

  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> message, Args&&... args) const {
    message_.refuse("the constant \"{}\" {}", t_.name,
                    fmt::format(message, std::forward<Args>(args)...));
  }

  // T as the elements lie raw; else in a list.
  template <class T, class Listed, class Convert>
  Value make(const std::vector<Listed>& listed, const Convert& convert, bool whole = false) const {
    const bool raw = !t_.raw.empty();
    if (raw && t_.raw.size() % sizeof(T) != 0) refuse("ends within an element");
    const std::size_t size = raw ? t_.raw.size() / sizeof(T) : listed.size();
    const Shape shape = shape_for(size);
    Tensor tensor = Tensor::empty(shape);
    for (std::size_t i = 0; i < size; ++i) {
      T x;
      if (raw) {
        std::memcpy(&x, t_.raw.data() + i * sizeof(T), sizeof(T));
      } else {
        x = static_cast<T>(listed[i]);
      }
      if constexpr (std::is_integral_v<Listed>) {
        if (whole && !is_kept(static_cast<Index>(x))) {
          refuse("holds {}, beyond 2^24, up to which whole numbers are exact", x);
        }
      }
      const auto element = convert(x);
      if (overflows<real>(element)) refuse("holds {}, beyond the range of a tensor", element);
      tensor.data()[i] = static_cast<real>(element);
    }
    return {.tensor = tensor, .whole = whole};
  }

  // The shape, if it has so many elements.
  Shape shape_for(std::size_t size) const {
    if (t_.dims.size() > Shape::max_rank) {
      refuse("has {} dimensions; a tensor has at most {}", t_.dims.size(), Shape::max_rank);
    }
    constexpr Index most = Index{1} << 40;  // no file has more elements, and products fit
    Index product = 1;
    bool empty = false;
    std::string text;
    for (const Index dim : t_.dims) {
      text += fmt::format("{}{}", text.empty() ? "" : ", ", dim);
      empty |= dim == 0;
      product = dim < 0 || dim > most || product > most / std::max<Index>(dim, 1)
                    ? most + 1
                    : product * std::max<Index>(dim, 1);
      if (product > most) refuse("has a dimension of {}: no file holds so many elements", dim);
    }
    if (empty) product = 0;
    if (product != static_cast<Index>(size)) {
      refuse("of shape ({}) has {} elements where {} belong", text, size, product);
    }
    Shape shape;
    for (std::size_t i = t_.dims.size(); i > 0; --i) shape = shape.with_front(t_.dims[i - 1]);
    return shape;
  }

  const MessageReader& message_;
  const TensorFields& t_;
};

Value tensor_of(const MessageReader& message, std::string* name = nullptr) {
  const TensorFields fields = fields_of(message);
  if (name != nullptr) *name = fields.name;
  return TensorMaker(message, fields).make();
}

Attribute attribute_of(MessageReader message) {
  enum Kind : std::int64_t { is_float = 1, is_int = 2, is_string = 3, is_tensor = 4, is_ints = 7 };
  Attribute attribute;
  std::int64_t kind = 0;
  double number = 0;
  Index integer = 0;
  std::string word;
  std::vector<Index> integers;
  Value tensor;
  for (Field field; message.next(field);) {
    switch (field.number) {
      case 1:
        attribute.name = message.text(field);
        break;
      case 2:
        number = message.floating(field);
        break;
      case 3:
        integer = message.integer(field);
        break;
      case 4:
        word = message.text(field);
        break;
      case 5:
        tensor = tensor_of(message.message(field));
        break;
      case 8:
        message.append(field, integers);
        break;
      case 20:
        kind = message.integer(field);
        break;
      default:
        break;
    }
  }
  if (kind == is_float) attribute.value = number;
  if (kind == is_int) attribute.value = integer;
  if (kind == is_string) attribute.value = std::move(word);
  if (kind == is_ints) attribute.value = std::move(integers);
  if (kind == is_tensor) attribute.value = std::move(tensor);
  return attribute;
}

Node node_of(MessageReader message) {
  Node node;
  std::string domain;
  for (Field field; message.next(field);) {
    switch (field.number) {
      case 1:
        node.inputs.push_back(message.text(field));
        break;
      case 2:
        node.outputs.push_back(message.text(field));
        break;
      case 3:
        node.name = message.text(field);
        break;
      case 4:
        node.type = message.text(field);
        break;
      case 5:
        node.attributes.push_back(attribute_of(message.message(field)));
        break;
      case 7:
        domain = message.text(field);
        break;
      default:
        break;
    }
  }
  if (node.type.empty()) message.refuse("a node has no operator: it is damaged");
  // An operator that is not the standard's own goes by its full name, which no table has.
  if (!domain.empty() && domain != "ai.onnx") node.type = domain + "." + node.type;
  return node;
}

// The one field of this number, a message; an empty one if there is none.
MessageReader within(MessageReader message, std::uint64_t number) {
  MessageReader found = message.message({.number = number, .wire = protobuf::Wire::sized});
  for (Field field; message.next(field);) {
    if (field.number == number) found = message.message(field);
  }
  return found;
}

Index dim_of(MessageReader message) {
  Index dim = Port::open;
  for (Field field; message.next(field);) {
    if (field.number == 1) dim = message.integer(field);
  }
  return dim < 1 ? Port::open : dim;
}

Port port_of(MessageReader message) {
  Port port;
  const MessageReader tensor = within(within(message, 2), 1);
  for (Field field; message.next(field);) {
    if (field.number == 1) port.name = message.text(field);
  }
  MessageReader fields = tensor;
  for (Field field; fields.next(field);) {
    if (field.number == 1) port.type = fields.integer(field);
  }
  MessageReader dims = within(tensor, 2);
  for (Field field; dims.next(field);) {
    if (field.number == 1) port.dims.push_back(dim_of(dims.message(field)));
  }
  return port;
}

void read_graph(MessageReader message, File& file) {
  for (Field field; message.next(field);) {
    if (field.number == 1) file.nodes.push_back(node_of(message.message(field)));
    if (field.number == 11) file.inputs.push_back(port_of(message.message(field)));
    if (field.number == 12) file.outputs.push_back(port_of(message.message(field)));
    if (field.number == 5) {
      std::string name;
      Value value = tensor_of(message.message(field), &name);
      if (!file.constants.emplace(name, std::move(value)).second) {
        message.refuse("there are two constants \"{}\"", name);
      }
    }
    if (field.number == 15) message.refuse("it has sparse constants, which are not read");
  }
  // Old files list constants among the inputs.
  std::erase_if(file.inputs, [&](const Port& port) { return file.constants.contains(port.name); });
}

// The operator set of the standard's own domain.
void read_operator_set(MessageReader message, File& file) {
  std::string domain;
  Index version = 0;
  for (Field field; message.next(field);) {
    if (field.number == 1) domain = message.text(field);
    if (field.number == 2) version = message.integer(field);
  }
  if (domain.empty() || domain == "ai.onnx") file.operator_set = version;
}

}  // namespace

std::string Node::str() const {
  const std::string& called = !name.empty() ? name : outputs.empty() ? type : outputs[0];
  return fmt::format("node {} ({})", called, type);
}

File decode_file(std::string_view bytes, const std::string& name) {
  MessageReader message("read_onnx", name, bytes);
  File file;
  std::string version;
  bool has_graph = false;
  for (Field field; message.next(field);) {
    if (field.number == 2) file.producer = message.text(field);
    if (field.number == 3) version = message.text(field);
    if (field.number == 8) read_operator_set(message.message(field), file);
    if (field.number != 7) continue;
    if (has_graph) message.refuse("it has two graphs: it is damaged");
    has_graph = true;
    read_graph(message.message(field), file);
  }
  if (!has_graph) message.refuse("no ONNX file: there is no graph in it");
  if (file.operator_set < oldest_set || file.operator_set > newest_set) {
    message.refuse("it is of operator set {}; {} to {} are read: export it with opset_version=17",
                   file.operator_set, oldest_set, newest_set);
  }
  if (!version.empty()) file.producer += " " + version;
  return file;
}

}  // namespace limbeck::imported
