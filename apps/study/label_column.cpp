#include "apps/study/label_column.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace limbeck::detail {

// Labels that are too close become a block about the mean of what they want: isotonic regression
// by pooling of adjacent violators, on the upper edges less the heights of the labels above.
void spread_out(std::vector<Label>& labels, double top, double bottom) {
  struct Block {
    double edge;
    int size;
  };
  std::vector<Block> blocks;
  double above = 0;
  for (const Label& label : labels) {
    Block block = {label.y - label.height() / 2 - above, 1};
    for (; !blocks.empty() && blocks.back().edge > block.edge; blocks.pop_back()) {
      const Block& last = blocks.back();
      const int size = last.size + block.size;
      block = {(last.edge * last.size + block.edge * block.size) / size, size};
    }
    blocks.push_back(block);
    above += label.height();
  }
  if (above > bottom - top) {
    fail("svg", "the names need {} lines and the chart has room for {}", above / line_height,
         std::floor((bottom - top) / line_height));
  }
  auto label = labels.begin();
  double y = 0;
  for (const Block& block : blocks) {
    for (int i = 0; i < block.size; ++i, ++label) {
      label->y = std::clamp(block.edge, top, bottom - above) + y + label->height() / 2;
      y += label->height();
    }
  }
}

}  // namespace limbeck::detail
