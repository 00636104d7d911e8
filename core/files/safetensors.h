// Tensors in files of safetensors, the format in which PyTorch's users exchange weights.
//
// A safetensors file: the length n of the header in eight bytes, least significant first; n bytes
// of JSON; then the tensors' elements, each tensor in row-major order. The header is an object with
// a tensor a key,
//   {"1.weight": {"dtype": "F32", "shape": [10, 784], "data_offsets": [0, 31360]}, …,
//    "__metadata__": {"spec": "mlp:"}}
// its offsets counted from the end of the header. Source: the format's description in the README of
// huggingface/safetensors.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace limbeck {

// What a file says in words beside its tensors: a text for each key.
using Metadata = std::map<std::string, std::string>;

// What a file holds, to be written or as it was read.
struct TensorFile {
  std::vector<NamedTensor> tensors;  // in the order of their data
  // In a file that was read: the names of tensors of integers or truth values, which are left there
  // (PyTorch's batch norm has one, num_batches_tracked).
  std::vector<std::string> skipped{};
  Metadata metadata;  // texts beside the tensors
};

// The element types that are written: float's, for exchange; or those of `real`, so that what is
// read again has the same bits whatever real is.
enum class StoredAs { f32, own };

// Writes by write_file (core/files/file.h). Error, with the file's name: it cannot be written, two
// tensors of one name, a name that is not UTF-8 or is "__metadata__", or an element of a double
// that is beyond float's range.
void write_safetensors(const std::string& path, const TensorFile& content,
                       StoredAs stored = StoredAs::f32);

// Reads F64, F32, F16 and BF16 into `real`. A file is refused for what the format's own reader
// refuses: a length of the header over 100,000,000 or over the file's; a header that is not UTF-8,
// not a JSON object that begins with "{", or that says a key twice; an entry that lacks one of the
// three fields; data that overlap, leave holes, do not reach the file's end, or are of another size
// than shape and dtype say; metadata that are not strings. And for what is not known here, the
// format's dtypes of a byte and less for real numbers, and C64; and what a tensor cannot hold: more
// dimensions than Shape, an element that is finite in the file and infinite as a real. A file of
// torch.save (.pt, .pth, .ckpt) is told from others, and the error has the line of Python that
// writes it as safetensors; nothing is unpickled. Error, with the file's name.
TensorFile read_safetensors(const std::string& path);

}  // namespace limbeck
