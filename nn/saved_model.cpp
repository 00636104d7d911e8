#include "nn/saved_model.h"

#include <charconv>

#include "core/error.h"
#include "core/random.h"
#include "core/storage.h"
#include "nn/model_spec.h"
#include "nn/weights.h"

namespace limbeck {
namespace {

constexpr const char* op = "load_model";

// "1,28,28" → {1, 28, 28}. Error: anything else than numbers from 1 on with commas between.
std::vector<Index> parse_sizes(const std::string& path, const char* key, const std::string& text) {
  std::vector<Index> sizes;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  while (true) {
    Index size = 0;
    const auto [next, error] = std::from_chars(at, end, size);
    constexpr Index largest = 1'000'000;
    if (error != std::errc{} || size < 1 || size > largest || (next != end && *next != ',')) {
      fail(op, "{}: its metadata have {} \"{}\"; numbers from 1 to {} with commas belong there",
           path, key, text, largest);
    }
    sizes.push_back(size);
    if (next == end) return sizes;
    at = next + 1;
  }
}

// "0.485,0.456" → {0.485, 0.456}. Error: anything else than finite numbers with commas between.
std::vector<double> parse_list(const std::string& path, const char* key, const std::string& text) {
  std::vector<double> numbers;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  while (true) {
    double number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc{} || (next != end && *next != ',')) {
      fail(op, "{}: its metadata have {} \"{}\"; numbers with commas belong there", path, key,
           text);
    }
    numbers.push_back(number);
    if (next == end) return numbers;
    at = next + 1;
  }
}

// What a file says of its network's input.
InputOptions input_of(const std::string& path, Metadata& metadata) {
  InputOptions input;
  if (const auto found = metadata.extract("input")) {
    input.layout = input_layout_of(fmt::format("{}: {}", op, path).c_str(), found.mapped());
  }
  if (const auto found = metadata.extract("mean")) {
    input.mean = parse_list(path, "mean", found.mapped());
  }
  if (const auto found = metadata.extract("std")) {
    input.std = parse_list(path, "std", found.mapped());
  }
  return input;
}

std::string text_of(const std::vector<double>& numbers) {
  std::string text;
  for (const double x : numbers) text += fmt::format("{}{}", text.empty() ? "" : ",", x);
  return text;
}

ModelInfo info_of(const std::string& path, Metadata metadata, const ModelInfo& otherwise) {
  ModelInfo info = otherwise;
  if (const auto found = metadata.extract("spec")) {
    info.spec = found.mapped();
    const InputOptions input = input_of(path, metadata);
    if (!input.is_usual()) info.input = input;
  }
  if (const auto found = metadata.extract("image")) {
    const auto sizes = parse_sizes(path, "image", found.mapped());
    if (sizes.size() != 3) fail(op, "{}: its image is not C,H,W: {}", path, found.mapped());
    info.image = {sizes[0], sizes[1], sizes[2]};
  }
  if (const auto found = metadata.extract("classes")) {
    info.classes = parse_sizes(path, "classes", found.mapped()).front();
  }
  if (info.spec.empty() || info.image.rank() != 3 || info.classes < 1) {
    fail(op, "{}: it does not say what network its weights belong to; name the model", path);
  }
  info.more = std::move(metadata);
  return info;
}

// The network that the file names, not larger than the file: a few times its tensors, and what
// costs nothing, so that one that is slightly off is told by its tensors' names.
Sequential network_of(const std::string& path, const ModelInfo& info, const TensorFile& file) {
  std::size_t elements = 4'000'000;
  for (const NamedTensor& t : file.tensors)
    elements += 4 * static_cast<std::size_t>(t.tensor.size());
  const MemoryLimit limit(elements * sizeof(real));
  const WithoutValues overwritten;  // by those of the file, each of them
  Rng rng(0);
  try {
    return make_model(info.spec, info.image, info.classes, {}, rng);
  } catch (const MemoryLimit::Exceeded&) {
    fail(op, "{}: the network {} for images {} is far larger than the weights in the file", path,
         info.spec, info.image);
  }
}

}  // namespace

void save_model(const Sequential& network, const std::string& path, const ModelInfo& info) {
  check_model_spec(info.spec);  // before it stands in a file that nobody can load
  for (const char* const key : {"spec", "image", "classes", "input", "mean", "std"}) {
    if (info.more.contains(key)) {
      fail("save_model", "`more` has \"{}\", which the file says itself; name it otherwise", key);
    }
  }
  Metadata metadata = info.more;
  metadata["spec"] = info.spec;
  metadata["image"] =
      fmt::format("{},{},{}", info.image.dim(0), info.image.dim(1), info.image.dim(2));
  metadata["classes"] = fmt::format("{}", info.classes);
  if (!info.input.is_usual()) {
    metadata["input"] = to_string(info.input.layout);
    if (!info.input.mean.empty()) metadata["mean"] = text_of(info.input.mean);
    if (!info.input.std.empty()) metadata["std"] = text_of(info.input.std);
  }
  save_weights(network, path, metadata);
}

SavedModel load_model(const std::string& path, const ModelInfo& otherwise) {
  const TensorFile file = read_safetensors(path);
  ModelInfo info = info_of(path, file.metadata, otherwise);
  Sequential network = network_of(path, info, file);
  WeightMatch weights;
  if (file.metadata.contains("spec")) {
    assign_state(op, path, network, file);  // one of ours: other names are a fault
  } else {
    weights = assign_foreign(op, path, network, file);
  }
  network = prepared(std::move(network), info.input);
  network.eval();
  return {.network = std::move(network), .info = std::move(info), .weights = std::move(weights)};
}

}  // namespace limbeck
