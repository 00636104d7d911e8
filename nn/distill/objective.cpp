// A sum of terms as a lesson.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "nn/distill/lesson.h"
#include "nn/distill/self_check.h"
#include "nn/distill/untouched.h"

namespace limbeck::detail {
namespace {

using Paths = std::vector<std::string>;

// Which generator of the family of the run's seed makes the modules of the first term.
constexpr std::uint64_t modules_stream = 0x7465726d;

double length_of(const Tensor& gradient) {
  double sum = 0;
  for (const real g : gradient.values()) sum += static_cast<double>(g) * static_cast<double>(g);
  return std::sqrt(sum);
}

// What the student is to a term, as leaves of their own.
Tensor leaf_of(const Tensor& tensor) {
  return tensor.detach().requires_grad();
}

void check_term(const char* caller, const Term& term) {
  check_report_name(caller, term.name);
  if (!term.value) fail(caller, "the term \"{}\" has no function", term.name);
  for (const auto& module : term.modules) {
    if (module == nullptr) fail(caller, "a module of the term \"{}\" is null", term.name);
  }
}

class ObjectiveLesson : public Lesson {
 public:
  ObjectiveLesson(const char* caller, Objective objective, const DistillerOptions& options)
      : op_(caller), terms_(std::move(objective.terms)), gradient_every_(options.gradient_every) {
    if (terms_.empty()) fail(caller, "the objective has no term, so there is nothing to learn");
    for (const Term& term : terms_) {
      check_term(caller, term);
      if (std::ranges::count(terms_, term.name, &Term::name) == 1) continue;
      fail(caller, "two terms are named \"{}\"; give one of them another `name`", term.name);
    }
  }

  bool uses_labels() const override {
    return std::ranges::any_of(terms_, [](const Term& t) { return t.uses_labels; });
  }
  bool reads_labels() const override {
    return std::ranges::any_of(terms_,
                               [](const Term& t) { return t.uses_labels || t.reads_labels; });
  }
  bool asks_teacher() const override {
    return std::ranges::any_of(
        terms_, [](const Term& t) { return t.uses_teacher || !t.teacher_taps.empty(); });
  }
  Paths student_taps() const override { return all(&Term::student_taps); }
  Paths teacher_taps() const override { return all(&Term::teacher_taps); }

  TrainingFacts facts() const override { return {{"loss", Objective(terms_).str()}}; }

  // Each once, though several terms may have it.
  std::vector<Module*> modules() const override {
    std::vector<Module*> own;
    for (const Term& term : terms_) {
      for (const auto& module : term.modules) {
        if (std::ranges::find(own, module.get()) == own.end()) own.push_back(module.get());
      }
    }
    return own;
  }

  std::vector<Module*> prepare(const LessonShapes& shapes, std::uint64_t seed,
                               const std::vector<Module*>& learners) override {
    std::span<const Shape> of_student = shapes.student_taps, of_teacher = shapes.teacher_taps;
    shapes_.clear();
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      const Term& term = terms_[i];
      shapes_.push_back({.classes = shapes.classes,
                         .student_taps = take(of_student, term.student_taps.size()),
                         .teacher_taps = take(of_teacher, term.teacher_taps.size())});
      if (term.student != nullptr && std::ranges::find(learners, term.student) == learners.end()) {
        fail(op_, "the term \"{}\" is made for another network than the one that is trained",
             term.name);
      }
      Rng rng = Rng(seed).child(modules_stream + i);
      if (term.prepare) term.prepare(shapes_.back(), rng);
      for (std::size_t m = 0; m < term.modules.size(); ++m) {
        Module* const module = term.modules[m].get();
        module->set_name(m == 0 ? term.name : fmt::format("{}-{}", term.name, m));
      }
    }
    const std::vector<Module*> own = modules();
    learners_ = learners;
    learners_.insert(learners_.end(), own.begin(), own.end());
    return own;
  }

  void check(const Dataset& data) override {
    std::vector<Index> first(static_cast<std::size_t>(std::min<Index>(data.size(), 6)));
    std::iota(first.begin(), first.end(), Index{0});
    const Batch some = make_batch(data, first);
    for (std::size_t i = 0; i < terms_.size(); ++i) check_term(terms_[i], shapes_[i], some);
    for (Module* const learner : learners_) learner->zero_grad();  // of what a term reads itself
  }

  Loss loss(const Step& step, const Answer& answer) const override {
    const bool measures = gradient_every_ > 0 && step.step % gradient_every_ == 0;
    std::span<const Tensor> of_student = answer.student_taps, of_teacher = answer.teacher_taps;
    Tensor total;
    std::vector<TermValue> values;
    for (const Term& term : terms_) {
      const Tensor v = term.uses_teacher ? answer.teacher(term.temperature(step.done)) : Tensor();
      const std::vector<Tensor> student_taps = take(of_student, term.student_taps.size());
      const std::vector<Tensor> teacher_taps = take(of_teacher, term.teacher_taps.size());
      const TermStep of_term{.batch = step.batch,
                             .student = step.logits,
                             .teacher = v,
                             .done = step.done,
                             .epoch = step.epoch,
                             .student_taps = student_taps,
                             .teacher_taps = teacher_taps};
      TermValue report{.name = term.name, .weight = term.weight(step.done)};
      report.measured = measures;
      if (measures) report.gradient = gradient_length(term, of_term);
      const Tensor part = weighted(term, of_term, report);
      if (part.defined()) total = total.defined() ? total + part : part;
      values.push_back(std::move(report));
    }
    return Loss(std::move(total), std::move(values));
  }

 private:
  Paths all(Paths Term::*paths) const {
    Paths together;
    for (const Term& term : terms_) {
      together.insert(together.end(), (term.*paths).begin(), (term.*paths).end());
    }
    return together;
  }

  // The first n, which are gone then.
  template <class T>
  static std::vector<T> take(std::span<const T>& rest, std::size_t n) {
    const auto first = rest.first(n);
    rest = rest.subspan(n);
    return {first.begin(), first.end()};
  }

  // The term's part of the sum, and its value into the report. A weight of 0 after the first step,
  // which looks at all that is trained, makes no part: the value alone.
  Tensor weighted(const Term& term, const TermStep& step, TermValue& report) const {
    const bool counts = report.weight != 0 || !others_count(term, step.done);
    std::optional<NoGrad> no_grad;
    if (!counts) no_grad.emplace();
    const Tensor value = term.value(step);
    if (!value.defined() || value.size() != 1) {
      fail(op_, "the term \"{}\" must be a scalar; got {}: take a mean or a sum", term.name,
           value.defined() ? value.shape().str() : "nothing");
    }
    report.value = static_cast<double>(value.item());
    if (!counts) return {};
    return report.weight == 1 ? value : value * report.weight;
  }

  bool others_count(const Term& term, double done) const {
    return done > 0 && std::ranges::any_of(terms_, [&](const Term& other) {
             return &other != &term && other.weight(done) != 0;
           });
  }

  // |d value / d logits|; of a term that does not look at these, its taps in their place.
  double gradient_length(const Term& term, const TermStep& step) const {
    const Untouched untouched(learners_);
    const Tensor z = leaf_of(step.student);
    std::vector<Tensor> taps;
    for (const Tensor& tap : step.student_taps) taps.push_back(leaf_of(tap));
    const Tensor value = term.value({.batch = step.batch,
                                     .student = z,
                                     .teacher = step.teacher,
                                     .done = step.done,
                                     .epoch = step.epoch,
                                     .student_taps = taps,
                                     .teacher_taps = step.teacher_taps});
    if (!value.wants_grad()) return 0;
    value.backward();
    if (z.has_grad()) return length_of(z.grad());
    double sum = 0;
    for (const Tensor& tap : taps) {
      if (tap.has_grad()) sum += std::pow(length_of(tap.grad()), 2);
    }
    return std::sqrt(sum);
  }

  const char* op_;
  std::vector<Term> terms_;
  Index gradient_every_;
  std::vector<TermShapes> shapes_;  // of each term
  std::vector<Module*> learners_;   // all that is trained
};

}  // namespace

std::unique_ptr<Lesson> lesson_of(const char* op, Objective objective,
                                  const DistillerOptions& options) {
  return std::make_unique<ObjectiveLesson>(op, std::move(objective), options);
}

}  // namespace limbeck::detail
