#include "core/files/safetensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "core/files/file.h"
#include "core/files/half.h"
#include "core/files/json_check.h"

namespace limbeck {
namespace {

using Json = nlohmann::json;                 // looks keys up in logarithmic time
using OrderedJson = nlohmann::ordered_json;  // and this one keeps the order, for what is written

constexpr const char* reading = "read_safetensors";
constexpr const char* writing = "write_safetensors";
constexpr const char* metadata_key = "__metadata__";
constexpr std::uint64_t longest_header = 100'000'000;

// The dtypes that are known here, with the bytes of an element. (The format has smaller ones, too.)
const std::map<std::string, std::uint64_t> dtype_sizes = {
    {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"I16", 2}, {"U16", 2}, {"F16", 2}, {"BF16", 2},
    {"I32", 4},  {"U32", 4}, {"F32", 4}, {"F64", 8}, {"I64", 8}, {"U64", 8}};

struct Entry {
  std::string name;
  std::string dtype;
  Shape shape;
  std::uint64_t begin = 0, end = 0;
};

// Python that writes a file of torch.save, a dict with tensors or the first such dict in it, anew,
// with the order of its tensors in the metadata: the writer of safetensors sorts them.
constexpr const char* rewrite =
    "python3 -c \"import sys, torch, safetensors.torch as s; w = torch.load(sys.argv[1], 'cpu', "
    "weights_only=True); w = next(d for d in (w, *w.values()) if isinstance(d, dict) and "
    "any(map(torch.is_tensor, d.values()))); w = {k: v for k, v in w.items() if "
    "torch.is_tensor(v)}; s.save_file({k: v.clone().contiguous() for k, v in w.items()}, "
    "sys.argv[2], {'order': ' '.join(w)})\" model.pt model.safetensors";

// Of a file that is none, by its first 8 bytes and what comes then. torch.save writes a zip archive
// whose first member is NAME/data.pkl, and wrote a bare pickle before PyTorch 1.6.
[[noreturn]] void refuse_other_kind(FileReader& file, const std::string& begin, std::uint64_t n) {
  const std::string pickle =
      "which is not read here: a pickle is a program. PyTorch can write "
      "the tensors alone: ";
  if (begin.starts_with("PK\x03\x04")) {
    const std::string head = file.read_text(std::min<std::size_t>(file.left(), 200));
    if (head.find("data.pkl") != std::string::npos) {
      file.refuse("it is a file of torch.save, a zip archive with a pickle, {}{}", pickle, rewrite);
    }
    file.refuse("not a safetensors file: it is a zip archive");
  }
  if (begin.front() == '\x80' && begin[1] >= 2 && begin[1] <= 5) {
    file.refuse("it is a pickle, as torch.save wrote them once, {}{}", pickle, rewrite);
  }
  file.refuse("not a safetensors file, or a part of one: its header would have {} bytes of {}", n,
              file.left());
}

Json parse_header(const FileReader& file, const std::string& text) {
  const std::string fault = detail::json_fault(text);
  if (!fault.empty()) file.refuse("its header {}", fault);
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    file.refuse("its header is not JSON: {}", error.what());
  }
}

// The value of an entry's field, if it is of this kind.
const Json& field(const FileReader& file, const std::string& name, const Json& entry,
                  const char* key, bool array) {
  const auto found = entry.is_object() ? entry.find(key) : entry.end();
  if (found == entry.end() || (array ? !found->is_array() : !found->is_string())) {
    file.refuse("tensor \"{}\" lacks {}, {}", name, key, array ? "a list" : "a string");
  }
  return *found;
}

std::vector<std::uint64_t> numbers(const FileReader& file, const std::string& name,
                                   const Json& list) {
  std::vector<std::uint64_t> all;
  for (const Json& number : list) {
    if (!number.is_number_unsigned() || number.get<std::uint64_t>() >> 63 != 0) {
      file.refuse("tensor \"{}\" has {} where an integer from 0 to 2^63 - 1 belongs", name,
                  number.is_structured() ? number.type_name() : number.dump());
    }
    all.push_back(number.get<std::uint64_t>());
  }
  return all;
}

Entry read_entry(const FileReader& file, const std::string& name, const Json& json) {
  Entry entry{.name = name, .dtype = field(file, name, json, "dtype", false), .shape = {}};
  const auto size = dtype_sizes.find(entry.dtype);
  if (size == dtype_sizes.end()) {
    file.refuse(
        "tensor \"{}\" is of dtype {}, which is not known here; F64, F32, F16 and BF16 are read",
        name, entry.dtype);
  }
  const auto dims = numbers(file, name, field(file, name, json, "shape", true));
  entry.shape = file.shape_of(std::vector<Index>(dims.begin(), dims.end()));
  const auto offsets = numbers(file, name, field(file, name, json, "data_offsets", true));
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    file.refuse("tensor \"{}\" needs data_offsets [BEGIN, END] with BEGIN <= END", name);
  }
  entry.begin = offsets[0], entry.end = offsets[1];
  const auto bytes = static_cast<std::uint64_t>(entry.shape.size()) * size->second;
  if (entry.end - entry.begin != bytes) {
    file.refuse("tensor \"{}\", {} of {}, has {} bytes, and its data_offsets span {}", name,
                entry.shape, entry.dtype, bytes, entry.end - entry.begin);
  }
  return entry;
}

Metadata read_metadata(const FileReader& file, const Json& json) {
  Metadata metadata;
  if (!json.is_object()) file.refuse("{} is not an object", metadata_key);
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) file.refuse("{} maps \"{}\" to what is no string", metadata_key, key);
    metadata[key] = value;
  }
  return metadata;
}

template <class T, class Convert>
void read_converted(FileReader& file, std::span<real> to, const Convert& convert) {
  while (!to.empty()) {
    const auto part = file.read<T>(std::min<std::size_t>(to.size(), 1 << 16));
    for (std::size_t i = 0; i < part.size(); ++i) to[i] = file.element(convert(part[i]));
    to = to.subspan(part.size());
  }
}

// The sizes agree with the file's by now, so there are as many bytes as memory is asked for.
void read_tensor(FileReader& file, const Entry& entry, TensorFile& content) {
  const auto as_it_is = [](auto x) { return x; };
  const bool real_numbers = entry.dtype.starts_with('F') || entry.dtype == "BF16";
  if (!real_numbers) {
    file.skip(entry.end - entry.begin);
    content.skipped.push_back(entry.name);
    return;
  }
  Tensor tensor = Tensor::empty(entry.shape);
  if (entry.dtype == "F32") {
    read_converted<float>(file, tensor.values(), as_it_is);
  } else if (entry.dtype == "F64") {
    read_converted<double>(file, tensor.values(), as_it_is);
  } else {
    read_converted<std::uint16_t>(file, tensor.values(),
                                  entry.dtype == "F16" ? from_f16 : from_bf16);
  }
  content.tensors.push_back({entry.name, tensor});
}

template <class T>
void append(std::string& bytes, T x) {
  bytes.append(reinterpret_cast<const char*>(&x), sizeof(x));
}

}  // namespace

TensorFile read_safetensors(const std::string& path) {
  FileReader file(reading, path);
  if (file.left() < 8) file.refuse("not a safetensors file: it has fewer than 8 bytes");
  const std::string begin = file.read_text(8);
  std::uint64_t n = 0;
  std::memcpy(&n, begin.data(), sizeof(n));
  if (n > longest_header || n > file.left()) refuse_other_kind(file, begin, n);
  const std::string text = file.read_text(n);
  if (!text.starts_with('{')) file.refuse("not a safetensors file: no {{ begins its header");

  TensorFile content;
  std::vector<Entry> entries;
  const Json header = parse_header(file, text);
  for (const auto& [key, value] : header.items()) {
    if (key == metadata_key) {
      content.metadata = read_metadata(file, value);
    } else {
      entries.push_back(read_entry(file, key, value));
    }
  }
  std::ranges::stable_sort(entries, [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t at = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != at) {
      file.refuse("tensor \"{}\" begins at byte {} of the data and the one before it ends at {}",
                  entry.name, entry.begin, at);
    }
    at = entry.end;
  }
  if (at != file.left()) file.refuse("its tensors end at byte {} of {}", at, file.left());
  for (const Entry& entry : entries) read_tensor(file, entry, content);
  return content;
}

void write_safetensors(const std::string& path, const TensorFile& content, StoredAs stored) {
  const bool as_double = stored == StoredAs::own && sizeof(real) == sizeof(double);
  OrderedJson header = OrderedJson::object();
  std::set<std::string> names = {metadata_key};
  if (!content.metadata.empty()) header[metadata_key] = content.metadata;
  std::string data;
  for (const auto& [name, tensor] : content.tensors) {
    if (!names.insert(name).second) {
      fail(writing, "{}: two tensors are called \"{}\", or the name is reserved", path, name);
    }
    const std::size_t begin = data.size();
    for (const real x : tensor.values()) {
      if (as_double) {
        append(data, x);
        continue;
      }
      if (overflows<float>(x)) fail(writing, "{}: {} is beyond the range of F32", path, x);
      append(data, static_cast<float>(x));
    }
    header[name] = {{"dtype", as_double ? "F64" : "F32"},
                    {"shape", std::vector<Index>(tensor.shape().begin(), tensor.shape().end())},
                    {"data_offsets", {begin, data.size()}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception&) {
    fail(writing, "{}: a name or a text beside the tensors is not UTF-8", path);
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string bytes;
  append(bytes, static_cast<std::uint64_t>(text.size()));
  write_file(writing, path, bytes + text + data);
}

}  // namespace limbeck
