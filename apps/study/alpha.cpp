// What α does, and T²: the weight between labels and teacher, at several temperatures.
#include <fmt/format.h>

#include <algorithm>

#include "apps/study/chart.h"
#include "apps/study/lab.h"

namespace limbeck {
namespace {

struct Curve {
  double temperature;
  bool squared;  // with the factor T²
  std::vector<Spread> errors{};

  std::string name() const {
    return fmt::format("T = {:g}{}", temperature, squared ? "" : ", without T²");
  }
};

// Without the factor the loss is α CE + (1 − α) KL. That is (α + (1 − α) / T²) times the loss with
// the factor at another α, and to Adam a constant factor of the loss means nothing.
double with_factor(double alpha, const Curve& curve) {
  if (curve.squared) return alpha;
  return alpha / (alpha + (1 - alpha) / (curve.temperature * curve.temperature));
}

std::string found(const std::vector<Curve>& curves, const std::vector<double>& alphas) {
  std::string text;
  for (const Curve& curve : curves) {
    const auto best = std::ranges::min_element(curve.errors, {}, &Spread::mean);
    const auto worst = std::ranges::max_element(curve.errors, {}, &Spread::mean);
    const auto alpha = [&](auto at) {
      return alphas[static_cast<std::size_t>(at - curve.errors.begin())];
    };
    text += fmt::format("{}: fewest errors, {}, at alpha = {:g}; most, {}, at {:g}.\n",
                        curve.name(), text_of(*best), alpha(best), text_of(*worst), alpha(worst));
  }
  return text;
}

}  // namespace

void study_alpha(Lab& lab) {
  const bool quick = lab.settings().quick;
  const std::vector<double> alphas = quick ? std::vector<double>{0, 0.1, 0.5, 1}
                                           : std::vector<double>{0, 0.1, 0.3, 0.5, 0.7, 0.9, 1};
  std::vector<Curve> curves;
  for (const double t : quick ? std::vector<double>{2, 8} : std::vector<double>{2, 4, 20}) {
    curves.push_back({.temperature = t, .squared = true});
    curves.push_back({.temperature = t, .squared = false});
  }
  const std::string spec = lab.students({quick ? "mlp:100" : "mlp:300,300"}).front();
  std::vector<Case> cases;
  for (const Curve& curve : curves) {
    for (const double alpha : alphas) {
      cases.push_back(
          {.title = fmt::format("{}, {}, alpha {:g}", spec, curve.name(), alpha),
           .training =
               lab.taught({.spec = spec, .epochs = lab.epochs(30, 25), .set = &lab.train()},
                          {.temperature = curve.temperature, .alpha = with_factor(alpha, curve)})});
    }
  }
  const std::vector<Spread> errors = lab.errors_of(cases);

  Table table;
  Chart chart{.title = "What alpha does, with and without T²",
              .x_label = "alpha, the weight of the labels",
              .y_label = fmt::format("errors of {}", lab.test().size())};
  auto next = errors.begin();
  for (Curve& curve : curves) {
    Series series{.name = curve.name()};
    for (const double alpha : alphas) {
      const Spread& e = curve.errors.emplace_back(*next++);
      series.points.push_back({alpha, e.mean, e.deviation});
      table.push_back({{"T", curve.temperature},
                       {"T squared", curve.squared ? "yes" : "no"},
                       {"alpha", alpha},
                       {"errors", e.mean},
                       {"deviation", e.deviation}});
    }
    chart.series.push_back(std::move(series));
  }
  lab.write("alpha.svg", svg(chart));
  lab.report("alpha", table, found(curves, alphas));
}

}  // namespace limbeck
