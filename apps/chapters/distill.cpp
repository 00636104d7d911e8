// The pictures of nn/distill/README.md.
#include <fmt/format.h>

#include <cmath>

#include "apps/chapters/diagram.h"
#include "apps/chapters/figures.h"
#include "apps/study/chart.h"
#include "apps/study/svg.h"
#include "core/ops.h"
#include "nn/distill/distillation_loss.h"

namespace limbeck {
namespace {

using detail::rounded;

constexpr Index classes = 10;

// The logits of the chapter's example, both of mean 0: a teacher's for an image of a 2, and those
// of a student that has only begun.
const Tensor& teacher_logits() {
  static const Tensor v = Tensor::from({1, classes}, {1, -2, 11, 7, -6, -1, -3, 2, 4, -13});
  return v;
}
const Tensor& student_logits() {
  static const Tensor z = Tensor::from({1, classes}, {0, -1, 2, 2, -1, 0, -1, 0, 1, -2});
  return z;
}

double entropy_bits(const Tensor& probs) {
  double bits = 0;
  for (const real p : probs.values()) {
    if (p > 0) bits -= static_cast<double>(p) * std::log2(static_cast<double>(p));
  }
  return bits;
}

// Bars of softmax(v / T), a row of them for each T.
std::string softened() {
  constexpr double left = 76, top = 66, column = 50, row = 78, tallest = 48;
  std::string body = detail::text_at(16, 30, "class=\"ink title\"",
                                     "What the teacher says of a 2, by temperature");
  double y = top;
  for (const double t : {1.0, 2.0, 4.0, 8.0, 20.0}) {
    const Tensor probs = softmax(teacher_logits(), t);
    const double base = y + tallest;
    body += detail::text_at(16, base - 4, "class=\"ink\" font-weight=\"600\"",
                            fmt::format("T = {:g}", t));
    body += detail::line_from_to(left, base, left + column * classes, base, "class=\"axis\"");
    for (Index c = 0; c < classes; ++c) {
      const double p = rounded(static_cast<double>(probs.data()[c]));
      const double x = left + column * static_cast<double>(c);
      body += fmt::format(
          "<rect class=\"{}\" fill=\"currentColor\" x=\"{:.1f}\" y=\"{:.2f}\" width=\"26\" "
          "height=\"{:.2f}\"/>\n",
          c == 2 ? "c0" : "c1", x + 12, base - tallest * p, tallest * p);
      body += detail::text_at(x + 25, base - tallest * p - 4,
                              "class=\"muted\" text-anchor=\"middle\" style=\"font-size:10px\"",
                              fmt::format("{:.3f}", p));
    }
    y += row;
  }
  for (Index c = 0; c < classes; ++c) {
    body += detail::text_at(left + column * static_cast<double>(c) + 25, y - 12,
                            "class=\"ink\" text-anchor=\"middle\"", fmt::format("{}", c));
  }
  body += detail::text_at(left + column * classes / 2, y + 8,
                          "class=\"muted\" text-anchor=\"middle\"", "class");
  return detail::document(left + column * classes + 24, y + 24,
                          "What the teacher says of a 2, by temperature", body);
}

const std::vector<double>& temperatures() {
  static const std::vector<double> all = {0.5, 1, 2, 3, 4, 5, 8, 10, 20, 50, 100};
  return all;
}

std::string entropy() {
  Series series{.name = "softmax(v / T)"};
  for (const double t : temperatures()) {
    series.points.push_back({t, rounded(entropy_bits(softmax(teacher_logits(), t)))});
  }
  return svg({.title = "How much of the ten classes the softened answer shows",
              .x_label = "temperature T",
              .y_label = "entropy, bits",
              .log_x = true,
              .series = {series},
              .levels = {{.name = "flat: log₂ 10", .y = rounded(std::log2(10.0))}}});
}

// The length of dz, the gradient of T² · KL(p_T ‖ q_T).
double gradient_length(double t) {
  const Tensor z = student_logits().clone().requires_grad();
  const std::vector<std::int32_t> label = {2};
  distillation_loss(z, teacher_logits(), label, {.temperature = t, .alpha = 0}).total.backward();
  return std::sqrt(static_cast<double>(sum(z.grad() * z.grad()).item()));
}

std::string t_squared() {
  Series with{.name = "T² · KL"}, without{.name = "KL alone"};
  for (const double t : temperatures()) {
    with.points.push_back({t, rounded(gradient_length(t))});
    without.points.push_back({t, rounded(gradient_length(t) / (t * t))});
  }
  const Tensor apart = student_logits() - teacher_logits();
  const double limit = std::sqrt(static_cast<double>(sum(apart * apart).item())) / classes;
  return svg({.title = "What the factor T² keeps: the size of the gradient",
              .x_label = "temperature T",
              .y_label = "length of the gradient of the student's logits",
              .log_x = true,
              .series = {with, without},
              .levels = {{.name = "limit |z − v| / C", .y = rounded(limit), .series = 0}}});
}

}  // namespace

std::vector<Figure> distill_figures() {
  return {{.file = "nn/distill/temperature.svg", .svg = softened()},
          {.file = "nn/distill/entropy.svg", .svg = entropy()},
          {.file = "nn/distill/t_squared.svg", .svg = t_squared()}};
}

}  // namespace limbeck
