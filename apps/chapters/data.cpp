#include "apps/chapters/figures.h"

namespace limbeck {

std::vector<Figure> data_figures() {
  return {};
}

}  // namespace limbeck
