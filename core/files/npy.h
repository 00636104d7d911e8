// Tensors in files of NPY, the format of numpy.save and numpy.load.
//
// An NPY file: "\x93NUMPY", the version (1 0 or 2 0), the length of the header (two or four bytes,
// least significant first), the header, then the elements in row-major order. The header is a
// Python dict, padded with spaces and ended by a line feed:
//   {'descr': '<f4', 'fortran_order': False, 'shape': (60000, 10), }
// Source: numpy's documentation, numpy.lib.format.
#pragma once

#include <string>

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

}  // namespace limbeck
