#include "apps/chapters/figures.h"

namespace limbeck {

std::vector<Figure> optim_figures() {
  return {};
}

}  // namespace limbeck
