#include "apps/chapters/figures.h"

namespace limbeck {

std::vector<Figure> all_figures() {
  std::vector<Figure> all;
  for (const auto& chapter :
       {core_figures, nn_figures, distill_figures, optim_figures, data_figures}) {
    for (Figure& figure : chapter()) all.push_back(std::move(figure));
  }
  return all;
}

}  // namespace limbeck
