// Files of tensors: safetensors, networks in them, NPY.
#include <algorithm>
#include <filesystem>

#include "core/autograd.h"
#include "core/files/npy.h"
#include "core/files/safetensors.h"
#include "nn/models.h"
#include "nn/saved_model.h"
#include "nn/weights.h"
#include "tests/fuzz/fuzz.h"

namespace limbeck::fuzz {
namespace {

// The bytes, or a header up to a zero byte and data after it, whose length agrees.
std::string any_safetensors(Choices& choices) {
  if (choices.below(2) == 0) return choices.rest();
  const std::string header = choices.text();
  return safetensors_of(header, choices.rest());
}

// What one change can make of a right entry of a header.
std::string entry_of(Choices& choices, const NamedTensor& t, std::size_t& at) {
  const char* const dtypes[] = {"F32", "F64", "F16", "BF16", "I64", "BOOL", "F8_E4M3"};
  const std::size_t sizes[] = {4, 8, 2, 2, 8, 1, 1};
  const auto spoiled = choices.below(8);  // 5 and more: nothing
  const auto dtype = spoiled == 0 ? choices.below(7) : 0;
  std::string shape, name = t.name;
  for (const Index dim : t.tensor.shape()) {
    shape += fmt::format("{}{}", shape.empty() ? "" : ",", spoiled == 1 ? choices.below(5) : dim);
  }
  if (spoiled == 2) name = choices.text();
  if (spoiled == 3) at += static_cast<std::size_t>(choices.below(3));
  const std::size_t end = at + static_cast<std::size_t>(t.tensor.size()) * sizes[dtype] -
                          static_cast<std::size_t>(spoiled == 4 ? choices.below(2) : 0);
  const std::string entry =
      fmt::format(R"("{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", name,
                  dtypes[dtype], shape, at, end);
  at = end;
  return entry;
}

// A saved network that is right but for what the choices spoil.
std::string spoiled_model(Choices& choices) {
  const char* const specs[] = {"mlp:3",  "mlp:",    "cnn:2",    "cnn:1,2",
                               "lenet5", "mlp:3,2", "mlp:99999"};
  const char* const images[] = {"1,4,4", "1,2,2", "2,3,3", "1,0,4", "4,4", "1,99999999,99999999"};
  const char* const classes[] = {"2", "3", "1", "0", "-1", "9223372036854775807", "2 "};
  const Index network = choices.below(3);
  Rng rng(1);
  Sequential model = network == 0   ? mlp({16, 3, 2}, {}, rng)
                     : network == 1 ? mlp({4, 3}, {}, rng)
                                    : cnn({1, 4, 4}, 2, {.channels = {2}, .hidden = 2}, rng);
  const bool right = choices.below(4) != 0;
  std::string spec = network == 0 ? "mlp:3" : network == 1 ? "mlp:" : "cnn:2,2";
  std::string image = network == 1 ? "1,2,2" : "1,4,4", count = network == 1 ? "3" : "2";
  if (!right) {
    spec = choices.below(4) == 0 ? choices.text() : choices.one_of(specs);
    image = choices.below(4) == 0 ? choices.text() : choices.one_of(images);
    count = choices.below(4) == 0 ? choices.text() : choices.one_of(classes);
  }
  std::string header = fmt::format(
      R"({{"__metadata__":{{"spec":"{}","image":"{}","classes":"{}"}})", spec, image, count);
  std::size_t at = 0;
  for (const NamedTensor& t : named_state(model)) header += "," + entry_of(choices, t, at);
  header += "}";
  std::string data = choices.rest();
  data.resize(std::min<std::size_t>(at, 100'000));
  return safetensors_of(header, data);
}

}  // namespace

void run_safetensors(std::string_view bytes) {
  Choices choices(bytes);
  const std::string file = any_safetensors(choices);
  const std::string path = file_of("a.safetensors", file);
  TensorFile content;
  if (!accepted([&] { content = read_safetensors(path); })) return;
  std::size_t elements = 0;
  for (const NamedTensor& t : content.tensors) elements += t.tensor.values().size();
  must(elements <= file.size(), "there are more elements than bytes");

  const std::string again = path_of("b.safetensors");
  write_safetensors(again, content, StoredAs::own);
  const TensorFile second = read_safetensors(again);
  must(second.metadata == content.metadata, "metadata that are read and written are others");
  must(second.tensors.size() == content.tensors.size(), "tensors got lost");
  for (std::size_t i = 0; i < content.tensors.size(); ++i) {
    // (Empty tensors have the place of others.)
    const auto same = [&](const NamedTensor& t) {
      return t.name == content.tensors[i].name &&
             same_elements(t.tensor, content.tensors[i].tensor);
    };
    must(std::ranges::any_of(second.tensors, same), "a tensor that is read and written is another");
  }
}

void run_model(std::string_view bytes) {
  Choices choices(bytes);
  const std::string file =
      choices.below(2) == 0 ? any_safetensors(choices) : spoiled_model(choices);
  const std::string path = file_of("model.safetensors", file);

  Rng rng(1);
  Sequential small = mlp({16, 3, 2}, {}, rng);
  accepted([&] { load_weights(small, path); });
  small.eval();
  must(small(Tensor::zeros({1, 1, 4, 4})).shape() == Shape{1, 2}, "a loaded network has its shape");

  accepted([&] {
    SavedModel saved = load_model(path);
    Shape batch = {1, saved.info.image.dim(0), saved.info.image.dim(1), saved.info.image.dim(2)};
    if (batch.size() > 10'000) return;
    const NoGrad no_grad;
    must(saved.network(Tensor::zeros(batch)).shape() == Shape{1, saved.info.classes},
         "a loaded network does not answer with its classes");
  });
}

void run_npy(std::string_view bytes) {
  Choices choices(bytes);
  std::string file;
  const Index mode = choices.below(3);
  if (mode == 0) {
    file = choices.rest();
  } else {  // version 1 or 2, and a header whose length agrees
    const std::string header = choices.text() + "\n";
    file = mode == 1 ? std::string("\x93NUMPY\1\0", 8) : std::string("\x93NUMPY\2\0", 8);
    for (int i = 0; i < 2 * static_cast<int>(mode); ++i) {
      file += static_cast<char>(header.size() >> 8 * i);
    }
    file += header + choices.rest();
  }
  const std::string path = file_of("a.npy", file);
  Tensor tensor;
  if (!accepted([&] { tensor = read_npy(path); })) return;
  must(tensor.values().size() <= file.size(), "there are more elements than bytes");
  const std::string again = path_of("b.npy");
  if (accepted([&] { write_npy(again, tensor); })) {
    must(sizeof(real) > sizeof(float) || same_elements(read_npy(again), tensor),
         "a tensor that is read and written is another");
  }
}

}  // namespace limbeck::fuzz
