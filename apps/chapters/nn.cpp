// The pictures of nn/README.md.
#include <fmt/format.h>

#include <cmath>

#include "apps/chapters/diagram.h"
#include "apps/chapters/figures.h"
#include "apps/study/chart.h"
#include "apps/study/svg.h"
#include "core/autograd.h"
#include "core/ops.h"
#include "nn/linear.h"
#include "nn/losses.h"

namespace limbeck {
namespace {

using detail::rounded;

// The size |dz_y| of a loss's gradient for two classes, z_y = d and 0 for the other, by d.
template <class Loss>
Series gradient_by_margin(const char* name, Loss loss) {
  Series series{.name = name};
  for (int d = -8; d <= 8; ++d) {
    const Tensor z = Tensor::from({1, 2}, {static_cast<real>(d), 0}).requires_grad();
    loss(z).backward();
    series.points.push_back({static_cast<double>(d), rounded(std::abs(z.grad().data()[0]))});
  }
  return series;
}

std::string loss_gradients() {
  const std::vector<std::int32_t> label = {0};
  const Tensor onehot = Tensor::from({1, 2}, {1, 0});
  Chart chart{.title = "How hard a loss pulls at the label's logit, by how right the network is",
              .x_label =
                  "the label's logit minus the other's: wrong on the left, right on the "
                  "right",
              .y_label = "size of the gradient"};
  chart.series.push_back(gradient_by_margin(
      "cross-entropy", [&](const Tensor& z) { return cross_entropy(z, label); }));
  chart.series.push_back(gradient_by_margin(
      "squared error of softmax", [&](const Tensor& z) { return mse(softmax(z), onehot) * 2; }));
  return svg(chart);
}

// The root mean square of what each of 20 layers of 512, Linear and ReLU, hands on, as log₁₀. The
// weights are those with which Linear begins, times `factor`.
Series size_by_depth(const std::string& name, double factor) {
  constexpr Index width = 512;
  const NoGrad no_grad;
  Rng rng(1);
  Tensor x = normal({64, width}, 0, 1, rng);
  Series series{.name = name};
  for (int depth = 0; depth <= 20; ++depth) {
    const double size = std::sqrt(static_cast<double>(mean(x * x).item()));
    series.points.push_back({static_cast<double>(depth), rounded(std::log10(size))});
    Linear layer({.in = width, .out = width, .bias = false}, rng);
    layer.weight = layer.weight * static_cast<real>(factor);
    x = relu(layer(x));
  }
  return series;
}

std::string activations() {
  const double kaiming = std::sqrt(6.0);  // from the gain 1/√3 of Linear to √2
  Chart chart{.title = "What a deep network makes of the size of its input",
              .x_label = "layers passed: Linear(512, 512) and ReLU",
              .y_label = "log₁₀ of the root mean square of the activations"};
  chart.series.push_back(size_by_depth("gain 2√2, twice Kaiming's", 2 * kaiming));
  chart.series.push_back(size_by_depth("gain √2, Kaiming's", kaiming));
  chart.series.push_back(size_by_depth("gain 1/√3, as Linear begins", 1));
  return svg(chart);
}

// A grid of cases × features at (left, top), with the cells of one mean and variance filled.
template <class Filled>
std::string grid(double left, double top, Filled filled) {
  constexpr double cell = 26;
  std::string out;
  for (int n = 0; n < 4; ++n) {
    for (int c = 0; c < 6; ++c) {
      const bool full = filled(n, c);
      out += fmt::format(
          "<rect class=\"{}\" x=\"{:g}\" y=\"{:g}\" width=\"22\" height=\"22\" rx=\"3\" "
          "fill=\"{}\"/>\n",
          full ? "c0" : "axis", left + cell * c, top + cell * n, full ? "currentColor" : "none");
    }
  }
  return out;
}

std::string normalisation() {
  constexpr double left = 84, step = 200, top = 76;
  std::string body =
      detail::text_at(16, 30, "class=\"ink title\"", "Which values share a mean and a variance");
  const auto panel = [&](int i, const char* name, const char* what, auto filled) {
    const double x = left + step * i;
    body += detail::text_at(x, top - 14, "class=\"ink\" font-weight=\"600\"", name);
    body += grid(x, top, filled);
    body += detail::text_at(x, top + 124, "class=\"muted\"", what);
  };
  panel(0, "BatchNorm", "a channel, all cases", [](int, int c) { return c == 2; });
  panel(1, "LayerNorm", "a case, all features", [](int n, int) { return n == 1; });
  panel(2, "GroupNorm, 2 groups", "a case, its group",
        [](int n, int c) { return n == 1 && c > 2; });
  for (int n = 0; n < 4; ++n) {
    body +=
        detail::text_at(16, top + 16 + 26 * n, "class=\"muted\"", fmt::format("case {}", n + 1));
  }
  return detail::document(660, 220, "Which values share a mean and a variance", body);
}

}  // namespace

std::vector<Figure> nn_figures() {
  return {{.file = "nn/loss_gradients.svg", .svg = loss_gradients()},
          {.file = "nn/activations.svg", .svg = activations()},
          {.file = "nn/normalisation.svg", .svg = normalisation()}};
}

}  // namespace limbeck
