#include "apps/chapters/figures.h"

namespace limbeck {

std::vector<Figure> core_figures() {
  return {};
}

}  // namespace limbeck
