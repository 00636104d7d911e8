// An array from a file of IDX, the format of MNIST and its relatives, plain or gzipped.
//
// An IDX file: two zero bytes, a byte for the element type (8: unsigned byte, 12: int32), a byte
// for the number of dimensions, each dimension as four bytes, most significant first, then the
// elements. Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/shape.h"

namespace limbeck::detail {

// As it lies in the file.
struct IdxArray {
  std::vector<Index> dims;          // each above 0
  std::vector<std::uint8_t> bytes;  // elements, most significant byte first
};

// Four bytes as a number, the most significant first.
std::uint32_t big_endian(const std::uint8_t* b);

// The array of a file that should begin with one of these magics: 0x0803, unsigned bytes in three
// dimensions, say. `what` it holds is for errors, which are in the name of `op`, with the path: the
// file is missing or unreadable, its gzip stream is broken, it has another magic, a dimension of 0,
// missing or surplus bytes. Memory is asked for as bytes arrive.
IdxArray read_idx_array(const char* op, const std::string& path, const char* what,
                        std::span<const std::uint32_t> magics);

}  // namespace limbeck::detail
