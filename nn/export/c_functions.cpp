#include "nn/export/c_functions.h"

#include <algorithm>

#include "nn/export/c_pieces.h"

namespace limbeck {
namespace {

constexpr std::string_view window = R"(
// What a window slides over, and how.
struct NAME_window {
    int32_t channels, height, width;              // of x
    int32_t out_channels, out_height, out_width;  // of y
    int32_t kernel_height, kernel_width, stride_height, stride_width;
    int32_t padding_height, padding_width, groups;
};

// The part of a window that lies within x: its rows [top, bottom) and columns [left, right).
struct NAME_part {
    int32_t top, bottom, left, right;
};

static inline struct NAME_part NAME_part_within(const struct NAME_window *w,
        int32_t row, int32_t column)
{
    struct NAME_part part;
    part.top = row < 0 ? -row : 0;
    part.left = column < 0 ? -column : 0;
    part.bottom = row + w->kernel_height > w->height ? w->height - row : w->kernel_height;
    part.right = column + w->kernel_width > w->width ? w->width - column : w->kernel_width;
    return part;
}
)";

constexpr std::string_view max_pool = R"(
// y = the largest value in each window.
static inline void NAME_max_pool(VALUE *y, const VALUE *x, const struct NAME_window *w)
{
    for (int32_t c = 0; c < w->channels; ++c, x += w->height * w->width) {
        for (int32_t o = 0; o < w->out_height * w->out_width; ++o) {
            const int32_t row = o / w->out_width * w->stride_height - w->padding_height;
            const int32_t column = o % w->out_width * w->stride_width - w->padding_width;
            const struct NAME_part part = NAME_part_within(w, row, column);
            VALUE largest = x[(row + part.top) * w->width + column + part.left];
            for (int32_t i = part.top; i < part.bottom; ++i)
                for (int32_t j = part.left; j < part.right; ++j) {
                    const VALUE value = x[(row + i) * w->width + column + j];
                    if (value > largest) largest = value;
                }
            *y++ = largest;
        }
    }
}
)";

std::vector<CPiece> common_pieces() {
  return {{{"conv2d", "avg_pool", "max_pool"}, "", window}, {{"max_pool"}, "", max_pool}};
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

bool is_needed(const CPiece& piece, std::string_view kind, const std::set<std::string>& names) {
  const std::string end = replaced(std::string(piece.ends), "KIND", kind);
  return std::ranges::any_of(names, [&](const std::string& name) {
    const auto begins = [&](std::string_view begin) { return name.starts_with(begin); };
    return name.ends_with(end) && std::ranges::any_of(piece.begins, begins);
  });
}

}  // namespace

std::string c_functions(const std::string& name, CNumbers numbers,
                        const std::set<std::string>& names) {
  const bool floats = numbers == CNumbers::floats;
  std::string text;
  const auto add = [&](const CPiece& piece, std::string_view kind) {
    if (!is_needed(piece, kind, names)) return;
    text += replaced(replaced(std::string(piece.text), "KIND", kind), "RESULT",
                     kind == "logit" ? "float" : "uint8_t");
  };
  for (const auto& pieces : {common_pieces(), floats ? float_pieces() : integer_pieces()}) {
    for (const CPiece& piece : pieces) {
      add(piece, "byte");
      if (piece.ends.find("KIND") != std::string_view::npos) add(piece, "logit");
    }
  }
  return replaced(replaced(text, "VALUE", floats ? "float" : "uint8_t"), "NAME", name);
}

}  // namespace limbeck
