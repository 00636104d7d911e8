#include "nn/export/c_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/files/file.h"
#include "core/text.h"
#include "nn/export/c_layers.h"
#include "nn/export/c_program.h"

namespace limbeck {
namespace {

using Texts = std::vector<std::string>;

// The numbers as C has them. Floats in the shortest form that comes back to the bit.
template <class Range>
Texts literals(const Range& numbers) {
  Texts texts;
  for (const auto x : numbers) {
    if constexpr (std::is_integral_v<decltype(x)>) {
      texts.push_back(fmt::format("{}", x));
    } else {
      texts.push_back(fmt::format("{:#}f", static_cast<float>(x)));
    }
  }
  return texts;
}

// For a comment: "(8, 28, 28) to (8, 14, 14)", "784 to 32".
template <class Layer>
std::string sizes(const Layer& layer) {
  const auto text = [](const Shape& s) {
    return s.dim(1) * s.dim(2) == 1 ? fmt::format("{}", s.dim(0)) : s.str();
  };
  return text(layer.in) + " to " + text(layer.out);
}

std::string function_of(PlainKind kind) {
  switch (kind) {
    case PlainKind::linear:
      return "linear";
    case PlainKind::conv2d:
      return "conv2d";
    case PlainKind::relu:
      return "relu";
    case PlainKind::max_pool:
      return "max_pool";
    case PlainKind::avg_pool:
      return "avg_pool";
    case PlainKind::add:
      return "add";
    case PlainKind::flatten:
    case PlainKind::global_avg_pool:
      break;  // c_layers() has none
  }
  fail("export", "there is a kind of layer for which there is no C code");
}

// The call for layer i, whose inputs are these. It has the arguments, and then the layer's sizes.
template <class Layer>
void add_call(CProgram& program, const Layer& layer, std::size_t i, std::vector<std::size_t> from,
              const std::string& ending, Texts arguments) {
  const Index ins = layer.in.size(), outs = layer.out.size();
  const bool in_place = layer.kind == PlainKind::relu || layer.kind == PlainKind::add;
  if (layer.kind == PlainKind::linear) {
    arguments.push_back(fmt::format("{}, {}", ins, outs));
  } else if (in_place) {
    arguments.push_back(fmt::format("{}", outs));
  } else {
    arguments.push_back(program.window(fmt::format("window_{}", i), layer.in, layer.out,
                                       layer.window, layer.groups));
  }
  program.call({.function = function_of(layer.kind) + ending,
                .from = std::move(from),
                .arguments = std::move(arguments),
                .size = outs,
                .in_place = in_place,
                .comment = sizes(layer)});
}

void add(CProgram& program, const PlainLayer& layer, std::size_t i) {
  Texts arguments;
  const auto add_table = [&](const std::string& what, const Tensor& tensor) {
    arguments.push_back(program.table("float", fmt::format("{}_{}", what, i),
                                      literals(tensor.values()), 4 * tensor.size(),
                                      tensor.shape().str()));
  };
  if (layer.weight.defined()) {
    add_table("weight", layer.weight);
    add_table("bias", layer.bias);
  }
  add_call(program, layer, i, layer.from, "", std::move(arguments));
}

void add(CProgram& program, const QuantizedLayer& layer, std::size_t i) {
  Texts arguments;
  const auto add_table = [&](const std::string& type, const std::string& what, const Texts& values,
                             Index value_size, const std::string& comment) {
    arguments.push_back(program.table(type, fmt::format("{}_{}", what, i), values,
                                      static_cast<Index>(values.size()) * value_size, comment));
  };
  if (!layer.weight.empty()) {
    add_table("int8_t", "weight", literals(layer.weight), 1, "in the order of the outputs");
  }
  Texts bytes, logits;
  for (const auto& [bias, multiplier, shift, zero] : layer.bytes) {
    bytes.push_back(fmt::format("{{{}, {}, {}, {}}}", bias, multiplier, shift, zero));
  }
  for (const auto& [bias, scale] : layer.logits) {
    logits.push_back(fmt::format("{{{}, {:#}f}}", bias, scale));
  }
  std::string ending;
  if (!bytes.empty()) {
    ending = "_to_byte";
    add_table(program.struct_type("byte"), "channels", bytes, 12, "bias, multiplier, shift, zero");
  } else if (!logits.empty()) {
    ending = "_to_logit";
    add_table(program.struct_type("logit"), "channels", logits, 8, "bias, scale");
  }
  if (layer.kind == PlainKind::add) {
    const auto& [multipliers, zeros, shift, zero] = layer.sum;
    const Texts units = {fmt::format("{{{{{}, {}}}, {{{}, {}}}, {}, {}}}", multipliers[0],
                                     multipliers[1], zeros[0], zeros[1], shift, zero)};
    add_table(program.struct_type("sum"), "units", units, 12, "multipliers, zeros, shift, zero");
  } else if (layer.kind != PlainKind::max_pool) {
    arguments.push_back(fmt::format("{}", layer.zero));
  }
  // The first call makes bytes of the image, so each layer's result is one place further.
  std::vector<std::size_t> from;
  for (const std::size_t place : layer.from) from.push_back(place + 1);
  add_call(program, layer, i, from, ending, std::move(arguments));
}

// What a network holds and does. Each weight is used once for every output of its channel.
struct Amounts {
  Index parameters = 0;
  Index multiply_adds = 0;

  void add(Index weights, Index biases, const Shape& out) {
    parameters += weights + biases;
    multiply_adds += weights * out.dim(1) * out.dim(2);
  }
  std::string str() const {
    return fmt::format("{} parameters, {} multiply-adds an image.", thousands(parameters),
                       thousands(multiply_adds));
  }
};

CHead head_of(const CRemarks& remarks, Texts notes) {
  if (!remarks.errors.empty()) notes.push_back(remarks.errors);
  return {.title = remarks.network, .notes = std::move(notes)};
}

}  // namespace

std::string c_name(const std::string& path) {
  constexpr std::string_view usable =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const std::string stem = std::filesystem::path(path).stem();
  std::string name;
  for (const char c : stem) {
    if (usable.find(c) != std::string_view::npos) {
      name += c;
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  if (name.ends_with('_')) name.pop_back();
  if (name.empty()) {
    fail("c_name", "\"{}\" has no letter or digit to name the code by; give the file another name",
         path);
  }
  return name.front() <= '9' ? "net_" + name : name;
}

std::string c_header(const std::string& name, Module& network, const Shape& image,
                     const CRemarks& remarks) {
  CProgram program(name, CNumbers::floats);
  Amounts amounts;
  const std::vector<PlainLayer> layers = c_layers(network, image);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const PlainLayer& layer = layers[i];
    add(program, layer, i);
    if (layer.weight.defined()) amounts.add(layer.weight.size(), layer.bias.size(), layer.out);
  }
  return program.text(image, head_of(remarks, {amounts.str()}));
}

std::string c_header(const std::string& name, const QuantizedNetwork& network,
                     const CRemarks& remarks) {
  CProgram program(name, CNumbers::integers);
  const auto& [image, layers] = network.quantized();
  program.call({.function = "image_to_bytes",
                .from = {0},
                .arguments = {fmt::format("{}", image.size())},
                .size = image.size(),
                .in_place = false,
                .comment = image.str()});
  Amounts amounts;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const QuantizedLayer& layer = layers[i];
    add(program, layer, i);
    const auto weights = static_cast<Index>(layer.weight.size());
    if (weights > 0) amounts.add(weights, layer.out.dim(0), layer.out);
  }
  const std::string arithmetic =
      "Computes in integers, weights and values of 8 bits, sums of 32 (Jacob et al., CVPR 2018).";
  return program.text(image, head_of(remarks, {amounts.str(), arithmetic}));
}

void export_c(Module& network, const Shape& image, const std::string& path,
              const CRemarks& remarks) {
  write_file("export_c", path, c_header(c_name(path), network, image, remarks));
}

void export_c_int8(const QuantizedNetwork& network, const std::string& path,
                   const CRemarks& remarks) {
  write_file("export_c_int8", path, c_header(c_name(path), network, remarks));
}

}  // namespace limbeck
