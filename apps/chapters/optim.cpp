// The pictures of optim/README.md: three optimizers in a narrow valley, and the schedules.
#include <fmt/format.h>

#include <cmath>

#include "apps/chapters/figures.h"
#include "apps/study/chart.h"
#include "apps/study/svg.h"
#include "core/ops.h"
#include "optim/adam.h"
#include "optim/schedule.h"
#include "optim/sgd.h"

namespace limbeck {
namespace {

constexpr double steepness = 25;  // f(u, v) = (u² + 25 v²) / 2
constexpr int steps = 40;

struct Place {
  double u, v;

  double f() const { return (u * u + steepness * v * v) / 2; }
};

// Where the weights are before the first step and after each.
template <class Make>
std::vector<Place> path_of(const Make& make) {
  Tensor w = Tensor::from({2}, {-9, real(1.6)}).requires_grad();
  const Tensor curvature = Tensor::from({2}, {1, steepness});
  auto optimizer = make(std::vector<Tensor>{w});
  std::vector<Place> path;
  for (int step = 0; step <= steps; ++step) {
    path.push_back({static_cast<double>(w.values()[0]), static_cast<double>(w.values()[1])});
    optimizer.minimize(sum(w * w * curvature) / 2);
  }
  return path;
}

constexpr double width = 720, unit = 58, middle_x = 600, middle_y = 140;

std::string level_line(double f) {
  const double u = std::sqrt(2 * f), v = u / std::sqrt(steepness);
  return fmt::format(
      "<ellipse class=\"grid\" fill=\"none\" stroke-width=\"1.5\" cx=\"{}\" cy=\"{}\" "
      "rx=\"{:.1f}\" ry=\"{:.1f}\"/>\n",
      middle_x, middle_y, unit * u, unit * v);
}

// A path with a dot a step, and its line in the key below.
std::string draw_path(const std::vector<Place>& path, int colour, const std::string& name) {
  std::string points, dots;
  for (const Place& place : path) {
    const double x = middle_x + unit * place.u, y = middle_y - unit * place.v;
    points += fmt::format("{}{:.1f},{:.1f}", points.empty() ? "" : " ", x, y);
    dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\" fill=\"currentColor\"/>\n",
                        x, y);
  }
  const double key = 2 * middle_y + 16 + 20 * colour;
  return fmt::format(
             "<g class=\"c{}\"><polyline fill=\"none\" stroke=\"currentColor\" "
             "stroke-width=\"1.5\" points=\"{}\"/>\n{}{}</g>\n",
             colour, points, dots,
             detail::line_from_to(16, key - 4, 44, key - 4,
                                  "stroke=\"currentColor\" stroke-width=\"3\"")) +
         detail::text_at(
             54, key, "class=\"ink\"",
             fmt::format("{}: f = {:.2g} after {} steps", name, path.back().f(), steps));
}

std::string valley() {
  std::string body;
  for (const double f : {0.5, 2.0, 8.0, 18.0, 32.0, 50.0, 72.5}) body += level_line(f);
  using Parameters = std::vector<Tensor>;
  const auto sgd = path_of([](Parameters p) { return Sgd(std::move(p), {.lr = 0.07}); });
  const auto momentum =
      path_of([](Parameters p) { return Sgd(std::move(p), {.lr = 0.03, .momentum = 0.8}); });
  const auto adam = path_of([](Parameters p) { return Adam(std::move(p), {.lr = 0.5}); });
  body += draw_path(sgd, 0, "SGD, lr 0.07");
  body += draw_path(momentum, 1, "with momentum 0.8, lr 0.03");
  body += draw_path(adam, 2, "Adam, lr 0.5");
  return detail::document(width, 2 * middle_y + 72, "Three optimizers in a narrow valley", body);
}

std::string schedules() {
  const auto curve = [](const std::string& name, const Schedule& schedule) {
    Series series{.name = name};
    for (Index step = 0; step < 100; ++step) {
      const bool at_a_jump = step % 30 == 29 || step % 30 == 0;
      if (step % 5 == 0 || step == 99 || at_a_jump) {
        series.points.push_back({static_cast<double>(step), schedule(step)});
      }
    }
    return series;
  };
  return svg(
      Chart{.title = "Learning-rate schedules of 100 steps",
            .x_label = "step",
            .y_label = "factor of the base rate",
            .series = {
                curve("constant()", constant()),
                curve("step_decay, every 30, factor 0.5", step_decay({.every = 30, .factor = 0.5})),
                curve("exponential, the same", exponential({.every = 30, .factor = 0.5})),
                curve("linear_decay, warm-up of 10", linear_decay({.warmup = 10, .total = 100})),
                curve("cosine, warm-up of 10", cosine({.warmup = 10, .total = 100})),
                curve("one_cycle", one_cycle({.total = 100}))}});
}

}  // namespace

std::vector<Figure> optim_figures() {
  return {{"optim/valley.svg", valley()}, {"optim/schedules.svg", schedules()}};
}

}  // namespace limbeck
