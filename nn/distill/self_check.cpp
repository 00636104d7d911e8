#include "nn/distill/self_check.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/gather.h"
#include "nn/distill/untouched.h"

namespace limbeck {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* in_self_check = "self_check";
constexpr Index several = 6;  // images
constexpr double huge = 1e4;  // of logits

// Where a term is tried.
struct Point {
  std::string where;            // in words
  Batch batch;                  // N images
  std::vector<Tensor> student;  // logits (N, C), then taps
  std::vector<Tensor> teacher;
  double done = 0.5;
};

struct Trial {
  double value;
  std::vector<Tensor> gradients;  // of what the student gives; undefined where there is none
};

bool all_finite(const Tensor& x) {
  return std::ranges::all_of(x.values(), [](real v) { return std::isfinite(v); });
}

double dot(const Tensor& a, const Tensor& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.values().size(); ++i) {
    sum += static_cast<double>(a.values()[i]) * static_cast<double>(b.values()[i]);
  }
  return sum;
}

// n of the images, and again from the first where there are fewer; of as many classes.
Batch batch_of(const Batch& some, Index n, Index classes) {
  std::vector<Index> rows;
  Batch batch{.images = {}, .class_ids = {}, .indices = {}, .view = some.view};
  for (Index i = 0; i < n; ++i) {
    rows.push_back(i % some.images.dim(0));
    const auto row = static_cast<std::size_t>(rows.back());
    const auto label = static_cast<Index>(some.class_ids[row]);
    batch.class_ids.push_back(static_cast<std::int32_t>(label < 0 ? label : label % classes));
    batch.indices.push_back(some.indices[row]);
  }
  batch.images = gather_rows(some.images, rows);
  return batch;
}

// Rows that break what is not careful: a certain one, a hopeless one, equal ones, a gap of 200, and
// the largest logits in turn.
Tensor hard_rows(Index classes) {
  Tensor z = Tensor::zeros({several, classes});
  for (Index j = 0; j < classes; ++j) {
    const double first = j == 0 ? 1 : -1, turn = j % 2 == 0 ? 1 : -1;
    const double gap = j == 0 ? -100 : j == 1 ? 100 : 0;
    const std::array column = {huge * first, -huge * first, 0.0, huge, gap, huge * turn};
    for (Index i = 0; i < several; ++i) {
      z.data()[i * classes + j] = static_cast<real>(column[static_cast<std::size_t>(i)]);
    }
  }
  return z;
}

// The trials of one term.
class TermCheck {
 public:
  TermCheck(const Term& term, const TermShapes& shapes, const Batch& some)
      : term_(term), shapes_(shapes), some_(some), untouched_(modules_of(term)) {}

  void run() {
    check_gradient_exists(ordinary(several, shapes_.classes));
    for (const double done : {0.0, 0.5, 1.0}) {
      Point point = ordinary(several, shapes_.classes);
      point.done = done;
      point.where = fmt::format("the rows are ordinary, with {} of the training done", done);
      try_at(point);
    }
    check_hard_logits();
    check_zero_taps();
    if (term_.modules.empty()) {
      try_if_it_can(1, shapes_.classes, "there is one image");
      try_if_it_can(several, 2, "there are two classes");
      check_equal();
    }
    if (term_.promises.shift_invariant) check_shift();
    if (!term_.promises.detaches) check_differences();
  }

 private:
  static std::vector<Module*> modules_of(const Term& term) {
    std::vector<Module*> modules;
    for (const auto& module : term.modules) modules.push_back(module.get());
    return modules;
  }

  [[noreturn]] void refuse(const std::string& what) const {
    fail(in_self_check,
         "the term \"{}\" {}; DistillerOptions::self_check = false trains with it all the same",
         term_.name, what);
  }

  bool is_late() const { return Clock::now() - start_ > std::chrono::seconds(1); }

  Point ordinary(Index n, Index classes) {
    Point point{.where = "the rows are ordinary",
                .batch = batch_of(some_, n, classes),
                .student = {},
                .teacher = {}};
    for (const bool of_student : {true, false}) {
      auto& side = of_student ? point.student : point.teacher;
      side.push_back(normal({n, classes}, 0, 2, rng_));
      for (const Shape& shape : of_student ? shapes_.student_taps : shapes_.teacher_taps) {
        side.push_back(normal(shape.with_front(n), 0, 1, rng_));
      }
    }
    return point;
  }

  // The term there. Generators are where they were at each call, so that one dropout is the next.
  Tensor value_at(const Point& point) {
    untouched_.put_back();
    const Tensor none;
    const Tensor value = term_.value({.batch = point.batch,
                                      .student = point.student[0],
                                      .teacher = term_.uses_teacher ? point.teacher[0] : none,
                                      .done = point.done,
                                      .epoch = 1,
                                      .student_taps = std::span(point.student).subspan(1),
                                      .teacher_taps = std::span(point.teacher).subspan(1)});
    if (!value.defined() || value.size() != 1) {
      refuse(fmt::format("must be a scalar; got {}: take a mean or a sum",
                         value.defined() ? value.shape().str() : "nothing"));
    }
    return value;
  }
  double number_at(const Point& point) {
    const NoGrad no_grad;
    return static_cast<double>(value_at(point).item());
  }

  Trial differentiate(Point point) {
    for (Tensor& leaf : point.student) leaf = leaf.detach().requires_grad();
    const Tensor value = value_at(point);
    Trial trial{.value = static_cast<double>(value.item()), .gradients = {}};
    if (value.wants_grad()) value.backward();
    for (const Tensor& leaf : point.student) {
      trial.gradients.push_back(leaf.has_grad() ? leaf.grad() : Tensor());
    }
    return trial;
  }

  // Finite, and not negative if that is promised.
  Trial try_at(const Point& point) {
    Trial trial = differentiate(point);
    if (!std::isfinite(trial.value)) {
      refuse(fmt::format("is {} where {}", std::abs(trial.value), point.where));
    }
    for (const Tensor& gradient : trial.gradients) {
      if (!gradient.defined() || all_finite(gradient)) continue;
      refuse(fmt::format("has a gradient that is not finite where {}", point.where));
    }
    if (term_.promises.never_negative && trial.value < -1e-5) {
      refuse(fmt::format("promises never to be negative, and is {:.4g} where {}", trial.value,
                         point.where));
    }
    return trial;
  }

  // Where a term learns something itself, that may be all that it is about.
  void check_gradient_exists(Point point) {
    for (Tensor& leaf : point.student) leaf.requires_grad();
    if (!term_.modules.empty() || value_at(point).wants_grad()) return;
    refuse("has no gradient: nothing that the student gives is in it");
  }

  void check_hard_logits() {
    const Tensor hard = hard_rows(shapes_.classes);
    std::vector<Index> turned;
    for (Index i = 0; i < several; ++i) turned.push_back((i + 1) % several);
    const Tensor other = gather_rows(hard, turned);
    const auto with = [&](const Tensor& z, const Tensor& v, const char* whose) {
      if (is_late()) return;
      Point point = ordinary(several, shapes_.classes);
      point.where = fmt::format("logits of {} are up to ±{:g}", whose, huge);
      if (z.defined()) point.student[0] = z;
      if (v.defined()) point.teacher[0] = v;
      try_at(point);
    };
    with(hard, {}, "the student");
    with({}, hard, "the teacher");
    with(hard, other, "both");
    with(hard, hard, "both, the same,");
  }

  void check_zero_taps() {
    if (shapes_.student_taps.empty() && shapes_.teacher_taps.empty()) return;
    for (const bool both : {false, true}) {
      if (is_late()) return;
      Point point = ordinary(several, shapes_.classes);
      point.where = both ? "all taps are 0" : "the student's taps are 0";
      for (auto* const side : {&point.student, &point.teacher}) {
        if (side == &point.teacher && !both) continue;
        for (std::size_t i = 1; i < side->size(); ++i) {
          (*side)[i] = Tensor::zeros((*side)[i].shape());
        }
      }
      try_at(point);
    }
  }

  void try_if_it_can(Index n, Index classes, const char* where) {
    if (is_late()) return;
    Point point = ordinary(n, classes);
    point.where = where;
    try {
      static_cast<void>(number_at(point));
    } catch (const Error&) {
      return;
    }
    try_at(point);
  }

  void check_equal() {
    if (!term_.promises.at_equal || shapes_.student_taps != shapes_.teacher_taps || is_late()) {
      return;
    }
    Point point = ordinary(several, shapes_.classes);
    point.student = point.teacher;
    const double expected = *term_.promises.at_equal, value = number_at(point);
    if (std::abs(value - expected) <= 1e-4 * (1 + std::abs(expected))) return;
    refuse(fmt::format("promises to be {:g} where student and teacher agree, and is {:.4g}",
                       expected, value));
  }

  void check_shift() {
    if (is_late()) return;
    Point point = ordinary(several, shapes_.classes);
    const Trial trial = try_at(point);
    if (const Tensor& dz = trial.gradients[0]; dz.defined()) check_row_sums(dz);
    Tensor constants = Tensor::empty({several, 1});
    for (Index i = 0; i < several; ++i) constants.data()[i] = static_cast<real>(3 - 2 * i);
    point.student[0] = point.student[0] + constants;
    const double shifted = number_at(point);
    if (std::abs(shifted - trial.value) <= 1e-3 * (1 + std::abs(trial.value))) return;
    refuse(fmt::format(
        "promises that a constant added to a row of logits changes nothing, and goes from {:.4g} "
        "to {:.4g}",
        trial.value, shifted));
  }

  void check_row_sums(const Tensor& dz) {
    const Index classes = dz.dim(1);
    double largest = 0;  // sum of magnitudes of a row
    for (const bool compare : {false, true}) {
      for (Index i = 0; i < several; ++i) {
        double sum = 0, magnitudes = 0;
        for (Index j = 0; j < classes; ++j) {
          const auto d = static_cast<double>(dz.data()[i * classes + j]);
          sum += d, magnitudes += std::abs(d);
        }
        largest = std::max(largest, magnitudes);
        if (!compare || std::abs(sum) <= 1e-3 * largest) continue;
        refuse(fmt::format(
            "promises that a constant added to a row of logits changes nothing, and its gradient "
            "sums to {:.4g} in a row",
            sum));
      }
    }
  }

  // A right gradient may be off at a kink, so it is wrong only if it is at two places.
  void check_differences() {
    const std::array points = {ordinary(several, shapes_.classes),
                               ordinary(several, shapes_.classes)};
    if (number_at(points[0]) != number_at(points[0])) return;  // it draws numbers of its own
    for (std::size_t input = 0; input < points[0].student.size(); ++input) {
      if (is_late()) return;
      if (!contradiction(points[0], input)) continue;
      const auto found = contradiction(points[1], input);
      if (!found) continue;
      const std::string of =
          input == 0 ? "logits" : fmt::format("\"{}\"", term_.student_taps[input - 1]);
      refuse(fmt::format(
          "has another gradient than differences with respect to the student's {}: {:.4g} in a "
          "direction in which they give {:.4g} (a part that is constant on purpose is to be told "
          "by TermPromises::detaches)",
          of, found->first, found->second));
    }
  }

  // A direction in which the gradient says something else than differences: both numbers.
  std::optional<std::pair<double, double>> contradiction(const Point& point, std::size_t input) {
    const Trial trial = differentiate(point);
    const Shape& shape = point.student[input].shape();
    const Tensor gradient =
        trial.gradients[input].defined() ? trial.gradients[input] : Tensor::zeros(shape);
    const double length = std::sqrt(dot(gradient, gradient));
    std::vector<Tensor> directions = {normal(shape, 0, 1, rng_), normal(shape, 0, 1, rng_)};
    if (length > 0) {
      directions.push_back(gradient);
      Tensor steepest = Tensor::zeros(shape);
      const auto values = gradient.values();
      const auto place = std::ranges::max_element(values, {}, [](real v) { return std::abs(v); });
      steepest.values()[static_cast<std::size_t>(place - values.begin())] = 1;
      directions.push_back(steepest);
    }
    constexpr double eps = std::numeric_limits<real>::epsilon();
    const double h = std::cbrt(eps) * 4;  // 0.02 in float
    const double step = h * std::sqrt(static_cast<double>(shape.size()));
    for (const Tensor& direction : directions) {
      if (is_late()) return {};
      const double unit = 1 / std::sqrt(dot(direction, direction));
      const auto value = [&](double s) {
        Point moved = point;
        moved.student[input] = point.student[input] + direction * (s * unit);
        return number_at(moved);
      };
      // An element alone moves less: in it the loss is more curved.
      const double s = &direction == &directions.back() && length > 0 ? h : step;
      const double numeric = (value(s) - value(-s)) / (2 * s);
      const double analytic = dot(gradient, direction) * unit;
      const double noise = 64 * eps * std::max(1e-3, std::abs(trial.value)) / s;
      const double usual = 2 * length / std::sqrt(static_cast<double>(shape.size()));
      if (std::abs(numeric - analytic) > 0.04 * std::max(std::abs(analytic), usual) + noise) {
        return std::pair(analytic, numeric);
      }
    }
    return {};
  }

  const Term& term_;
  const TermShapes& shapes_;
  const Batch& some_;
  detail::Untouched untouched_;
  Rng rng_{1};  // not the training's
  Clock::time_point start_ = Clock::now();
};

}  // namespace

void check_term(const Term& term, const TermShapes& shapes, const Batch& some) {
  TermCheck(term, shapes, some).run();
}

void check_objective(const Objective& objective, Index classes) {
  if (classes < 2) fail(in_self_check, "at least two classes are needed; got {}", classes);
  Batch blank{.images = Tensor::zeros({several, 1, 8, 8}), .class_ids = {}, .indices = {}};
  for (Index i = 0; i < several; ++i) {
    blank.class_ids.push_back(static_cast<std::int32_t>(i % classes));
    blank.indices.push_back(i);
  }
  for (const Term& term : objective.terms) {
    if (!term.student_taps.empty() || !term.teacher_taps.empty()) {
      fail(in_self_check,
           "the term \"{}\" has taps, whose shapes are not known here: call check_term", term.name);
    }
    check_term(term, {.classes = classes, .student_taps = {}, .teacher_taps = {}}, blank);
  }
}

}  // namespace limbeck
