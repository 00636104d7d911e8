#include "optim/plateau.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace limbeck {

Plateau::Plateau(const PlateauOptions& options) : options_(options) {
  if (!(options.factor > 0 && options.factor < 1)) {
    fail("Plateau", "factor must be between 0 and 1; got {}", options.factor);
  }
  if (options.patience < 0) {
    fail("Plateau", "patience must be at least 0; got {}", options.patience);
  }
  if (!(options.threshold >= 0)) {
    fail("Plateau", "threshold must be at least 0; got {}", options.threshold);
  }
  if (!(options.floor >= 0 && options.floor <= 1)) {
    fail("Plateau", "floor must be in [0, 1]; got {}", options.floor);
  }
}

double Plateau::report(double metric) {
  const auto needed = [this] { return *state_.best - options_.threshold * std::abs(*state_.best); };
  if (std::isfinite(metric) && (!state_.best || metric < needed())) {
    state_.best = metric;
    state_.waited = 0;
  } else if (++state_.waited > options_.patience) {
    state_.factor = std::max(state_.factor * options_.factor, options_.floor);
    state_.waited = 0;
  }
  return state_.factor;
}

}  // namespace limbeck
