// Tensors in files of NPY, the format of numpy.save and numpy.load.
//
// An NPY file: "\x93NUMPY", the version (1 0 or 2 0), the length of the header (two or four bytes,
// least significant first), the header, then the elements in row-major order. The header is a
// Python dict, padded with spaces and ended by a line feed:
//   {'descr': '<f4', 'fortran_order': False, 'shape': (60000, 10), }
// Source: numpy's documentation, numpy.lib.format.
#pragma once

#include <string>
#include <string_view>

#include "core/tensor.h"

namespace limbeck {

// Writes the tensor as version 1.0 and <f4, whatever real is, by write_file (core/files/file.h).
// Error, with the file's name: it cannot be written, or an element of a double is beyond float's
// range.
void write_npy(const std::string& path, const Tensor& tensor);

// The tensor of a file of version 1.0 or 2.0 with elements <f4, <f8, <i4, <i8 or |u1, converted to
// real. Error, with the file's name: it is missing or unreadable, it is not NPY, its header is not
// the dict above (keys in any order), its elements are of another type, pickled or in Fortran
// order, it has more dimensions than Shape, missing or surplus bytes, or an element that is finite
// in the file and infinite as a real.
Tensor read_npy(const std::string& path);

// An array as it lies in a file, whatever its elements are.
struct NpyArray {
  Shape shape;        // () for a single number
  std::string dtype;  // "<f4", "|u1"
  std::string bytes;  // elements, in row-major order
};

// The array of a file with these bytes, for whoever wants its elements as they are. Error, in the
// name of `op` and with that of the file: as in read_npy, but for elements, of which those of real
// numbers, integers and truth values of 1, 2, 4 and 8 bytes are taken, least significant byte
// first.
NpyArray parse_npy(const char* op, const std::string& name, std::string_view bytes);

}  // namespace limbeck
