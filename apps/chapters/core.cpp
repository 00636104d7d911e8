// The pictures of core/ and core/ops/: a graph with its values and gradients, broadcasting forth
// and back, a convolution as a matrix product, and how far differences can be trusted.
#include <fmt/format.h>

#include <cmath>

#include "apps/chapters/diagram.h"
#include "apps/chapters/figures.h"
#include "apps/study/chart.h"
#include "apps/study/svg.h"
#include "core/autograd.h"
#include "core/ops.h"

namespace limbeck {
namespace {

using detail::text_at;

constexpr double box_width = 132, box_height = 66;

// A node of the graph: what it computes, its value, and its gradient with the parts of the sum.
struct Box {
  double left, middle;  // the middle of its height
  std::string formula, value, gradient;

  double right() const { return left + box_width; }
  std::string draw() const {
    const double x = left + box_width / 2;
    const auto line = [&](double down, const char* attributes, const std::string& text) {
      return text_at(x, middle + down, fmt::format("text-anchor=\"middle\" {}", attributes), text);
    };
    return detail::box(left, middle - box_height / 2, box_width, box_height) +
           line(-15, "class=\"muted\"", formula) + line(4, "class=\"ink\"", value) +
           line(24, "class=\"c1\" fill=\"currentColor\" font-weight=\"600\"", gradient);
  }
};

std::string from_to(const Box& a, double a_down, const Box& b, double b_down) {
  return detail::arrow(a.right(), a.middle + a_down, b.left, b.middle + b_down);
}

// y = x. Keeps the gradient of x when backward() passes by.
Tensor watched(const Tensor& x, real& gradient) {
  return record("watched", x.detach(), {x}, [&gradient](const Tensor& dy) -> Gradients {
    gradient = dy.item();
    return {dy};
  });
}

std::string number(const Tensor& x) {
  return fmt::format("{:g}", static_cast<double>(x.item()));
}

// (x w + b)² + w² at x = 3, w = 2, b = 1.
std::string autodiff() {
  Tensor x = Tensor::scalar(3).requires_grad();
  Tensor w = Tensor::scalar(2).requires_grad();
  Tensor b = Tensor::scalar(1).requires_grad();
  real dp = 0, dq = 0, ds = 0, dr = 0;
  const Tensor p = watched(x * w, dp), q = watched(p + b, dq);
  const Tensor s = watched(q * q, ds), r = watched(w * w, dr);
  const Tensor y = s + r;
  y.backward();

  const auto column = [](int i) { return 16 + 170.0 * i; };
  const Box b_box = {column(0), 50, "b", number(b), "db = " + number(b.grad())};
  const Box x_box = {column(0), 148, "x", number(x), "dx = " + number(x.grad())};
  const Box w_box = {column(0), 246, "w", number(w),
                     fmt::format("dw = {:g} + {:g} = {}", static_cast<double>(2 * dr * w.item()),
                                 static_cast<double>(dp * x.item()), number(w.grad()))};
  const Box p_box = {column(1), 148, "p = x · w", number(p), fmt::format("dp = {:g}", dp)};
  const Box q_box = {column(2), 82, "q = p + b", number(q),
                     fmt::format("dq = {0:g} + {0:g} = {1:g}", static_cast<double>(ds * q.item()),
                                 static_cast<double>(dq))};
  const Box s_box = {column(3), 82, "s = q · q", number(s), fmt::format("ds = {:g}", ds)};
  const Box r_box = {column(3), 246, "r = w · w", number(r), fmt::format("dr = {:g}", dr)};
  const Box y_box = {column(4), 164, "y = s + r", number(y), "dy = 1"};
  std::string body;
  body += from_to(x_box, 0, p_box, 0) + from_to(w_box, -20, p_box, 20);
  body += from_to(p_box, -14, q_box, 14) + from_to(b_box, 0, q_box, -14);
  body += from_to(q_box, -8, s_box, -8) + from_to(q_box, 8, s_box, 8);
  body += from_to(w_box, -6, r_box, -6) + from_to(w_box, 10, r_box, 10);
  body += from_to(s_box, 14, y_box, -14) + from_to(r_box, -14, y_box, 14);
  for (const Box* box : {&b_box, &x_box, &w_box, &p_box, &q_box, &s_box, &r_box, &y_box}) {
    body += box->draw();
  }
  return detail::document(844, 296, "The graph of y = (x w + b)² + w², values and gradients", body);
}

std::string sign(double x, double y, const char* text) {
  return text_at(x, y, "class=\"ink\" text-anchor=\"middle\"", text);
}

std::string broadcasting() {
  const Tensor m = Tensor::from({2, 3}, {1, 2, 3, 4, 5, 6});
  Tensor row = Tensor::from({3}, {10, 20, 30}).requires_grad();
  const Tensor y = m + row;
  sum(y * m).backward();  // dy = m

  constexpr double top = 44, below = 140, width = 3 * detail::cell_width;
  const double second = 16 + width + 36, third = second + width + 36;
  std::string body = detail::grid(16, top, m, "m (2, 3)");
  body += sign(16 + width + 18, top + 28, "+");
  body += detail::grid(second, top, row + Tensor::zeros({2, 3}), "row (3), repeated",
                       [](Index i, Index) -> std::string { return i == 0 ? "ink" : "muted"; });
  body += sign(second + width + 18, top + 28, "=");
  body += detail::grid(third, top, y, "y (2, 3)");
  body += detail::grid(third, below, m, "dy, say");
  body += detail::arrow(third - 6, below + 24, second + width + 6, below + 24);
  body += detail::grid(second, below + 12, row.grad(), "d row: columns' sums",
                       [](Index, Index) -> std::string { return "c1"; });
  return detail::document(third + width + 16, 204, "Broadcasting a row, and its gradient", body);
}

std::string im2col() {
  const Tensor image = Tensor::from({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const Tensor kernel = Tensor::from({1, 1, 2, 2}, {1, 2, 3, 4});
  const Tensor y = conv2d(image, kernel, Tensor());
  Tensor windows = Tensor::empty({4, 4});  // row: a place of the kernel, column: an output
  for (Index place = 0; place < 4; ++place) {
    for (Index output = 0; output < 4; ++output) {
      const Index i = output / 2 + place / 2, j = output % 2 + place % 2;
      windows.data()[4 * place + output] = image.data()[3 * i + j];
    }
  }
  using detail::cell_width, detail::cell_height;
  constexpr double top = 44;
  const double first = 16 + 3 * cell_width + 44, second = first + 4 * cell_width + 30;
  const double third = second + 4 * cell_width + 30;
  std::string body =
      detail::grid(16, top, reshape(image, {3, 3}), "image (3, 3)",
                   [](Index i, Index j) -> std::string { return i < 2 && j < 2 ? "c1" : "ink"; });
  const double line = top + 36;  // of the weights: beside the middle of the windows
  body += detail::grid(first, line, reshape(kernel, {1, 4}), "kernel (1, 4)");
  body += sign(first + 4 * cell_width + 15, line + 16, "×");
  body += detail::grid(second, top, windows, "windows (4, 4)",
                       [](Index, Index j) -> std::string { return j == 0 ? "c1" : "ink"; });
  body += sign(second + 4 * cell_width + 15, line + 16, "=");
  body += detail::grid(third, line, reshape(y, {1, 4}), "outputs (1, 4)",
                       [](Index, Index j) -> std::string { return j == 0 ? "c1" : "ink"; });
  return detail::document(third + 4 * cell_width + 16, top + 4 * cell_height + 16,
                          "A convolution as a matrix product of its windows", body);
}

// Digits of the derivative of 1 / x at 0.7 that a central difference with step h gets right. Only
// divisions and differences, which every machine rounds alike.
template <class T>
double right_digits(double h) {
  const auto f = [](double x) { return 1 / static_cast<T>(x); };
  const double numeric = static_cast<double>(f(0.7 + h) - f(0.7 - h)) / (2 * h);
  const double exact = -1 / (0.7 * 0.7);
  return -std::log10(std::abs((numeric - exact) / exact));
}

std::string differences() {
  Series in_float{.name = "float"}, in_double{.name = "double"};
  for (const double h :
       {1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1}) {
    if (h > 5e-7) in_float.points.push_back({h, right_digits<float>(h)});
    in_double.points.push_back({h, right_digits<double>(h)});
  }
  return svg(Chart{.title = "A central difference of 1 / x",
                   .x_label = "step h",
                   .y_label = "digits of the derivative that are right",
                   .log_x = true,
                   .series = {in_float, in_double}});
}

}  // namespace

std::vector<Figure> core_figures() {
  return {{"core/autodiff.svg", autodiff()},
          {"core/ops/broadcasting.svg", broadcasting()},
          {"core/ops/im2col.svg", im2col()},
          {"core/differences.svg", differences()}};
}

}  // namespace limbeck
