// The exported C code in pieces, each the text of some definitions. In a text stand
//   NAME_   what all names of the code begin with
//   VALUE   the type of a layer's values, float or uint8_t
//   KIND    byte or logit, what the function makes of its sums; RESULT, the type of that
#pragma once

#include <string_view>
#include <vector>

namespace limbeck {

// It is needed by the functions whose names, without NAME_, begin and end in these ways. A piece
// whose end has KIND in it may be needed twice, once for each.
struct CPiece {
  std::vector<std::string_view> begins;  // one of these
  std::string_view ends;                 // "" for any
  std::string_view text;                 // the definitions
};

// In an order that compiles, after those that both need.
std::vector<CPiece> float_pieces();
std::vector<CPiece> integer_pieces();

}  // namespace limbeck
