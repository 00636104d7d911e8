// ONNX files for tests, put together by hand.
#pragma once

#include <string>
#include <vector>

#include "core/files/protobuf.h"
#include "core/shape.h"

namespace limbeck::testing {

using Bytes = std::string;
using Names = std::vector<std::string>;

inline Bytes attribute(const std::string& name, Index value) {
  return protobuf::sized(1, name) + protobuf::integer(3, value) + protobuf::integer(20, 2);
}
inline Bytes attribute(const std::string& name, int value) {
  return attribute(name, Index{value});
}
inline Bytes attribute(const std::string& name, double value) {
  return protobuf::sized(1, name) + protobuf::floating(2, static_cast<float>(value)) +
         protobuf::integer(20, 1);
}
inline Bytes attribute(const std::string& name, const char* value) {
  return protobuf::sized(1, name) + protobuf::sized(4, value) + protobuf::integer(20, 3);
}
inline Bytes attribute(const std::string& name, const std::vector<Index>& values) {
  Bytes bytes = protobuf::sized(1, name) + protobuf::integer(20, 7);
  for (const Index value : values) bytes += protobuf::integer(8, value);
  return bytes;
}

inline Bytes node(const std::string& type, const Names& inputs, const Names& outputs,
                  const std::vector<Bytes>& attributes = {}) {
  Bytes bytes = protobuf::sized(4, type);
  for (const std::string& input : inputs) bytes += protobuf::sized(1, input);
  for (const std::string& output : outputs) bytes += protobuf::sized(2, output);
  for (const Bytes& attribute : attributes) bytes += protobuf::sized(5, attribute);
  return bytes;
}

// A TensorProto with its elements as raw bytes.
inline Bytes constant_bytes(const std::string& name, const std::vector<Index>& dims, Index type,
                            const Bytes& raw) {
  Bytes bytes = protobuf::sized(8, name) + protobuf::integer(2, type) + protobuf::sized(9, raw);
  for (const Index dim : dims) bytes += protobuf::integer(1, dim);
  return bytes;
}
inline Bytes constant(const std::string& name, const std::vector<Index>& dims,
                      const std::vector<float>& values) {
  Bytes raw;
  for (const float value : values) raw += protobuf::bytes_of(value);
  return constant_bytes(name, dims, 1, raw);
}
// A list of whole numbers.
inline Bytes integers(const std::string& name, const std::vector<Index>& values) {
  Bytes raw;
  for (const Index value : values) raw += protobuf::bytes_of(value);
  return constant_bytes(name, {static_cast<Index>(values.size())}, 7, raw);
}

struct OnnxModel {
  Index set = 13;
  std::vector<Bytes> nodes{};
  std::vector<Bytes> constants{};
  std::vector<Index> input = {-1, 2};  // sizes of "x"; −1 is open
  std::string output = "y";
  Index input_type = 1;
};

inline Bytes bytes_of(const OnnxModel& model) {
  Bytes graph, dims;
  for (const Bytes& node : model.nodes) graph += protobuf::sized(1, node);
  for (const Bytes& constant : model.constants) graph += protobuf::sized(5, constant);
  for (const Index dim : model.input) {
    dims += protobuf::sized(1, dim < 0 ? protobuf::sized(2, "n") : protobuf::integer(1, dim));
  }
  const Bytes type =
      protobuf::sized(1, protobuf::integer(1, model.input_type) + protobuf::sized(2, dims));
  graph += protobuf::sized(11, protobuf::sized(1, "x") + protobuf::sized(2, type));
  graph += protobuf::sized(12, protobuf::sized(1, model.output));
  return protobuf::integer(1, 8) + protobuf::sized(7, graph) +
         protobuf::sized(8, protobuf::sized(1, "") + protobuf::integer(2, model.set));
}

}  // namespace limbeck::testing
