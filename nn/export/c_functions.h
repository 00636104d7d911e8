// The functions of the exported C code, as text: one for each kind of layer, to be read, in C99.
#pragma once

#include <set>
#include <string>

namespace limbeck {

// What the code computes with: floats, or the integers of nn/export/quantize.h.
enum class CNumbers { floats, integers };

// The definitions of these functions, after the structs and functions that they need. What they are
// called begins with `name` and a _; the set has the rest. There are
//   floats    linear, conv2d, avg_pool; max_pool, relu, add
//   integers  image_to_bytes; linear, conv2d, avg_pool, with _to_byte or _to_logit; max_pool, relu,
//             add
std::string c_functions(const std::string& name, CNumbers numbers,
                        const std::set<std::string>& names);

}  // namespace limbeck
