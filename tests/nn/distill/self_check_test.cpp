// The look at terms before a training: right ones pass, and each kind of fault is found and named.
#include "nn/distill/self_check.h"

#include <chrono>
#include <functional>

#include "core/autograd.h"
#include "core/function_ref.h"
#include "nn/batch_norm.h"
#include "nn/distill/distiller.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/models.h"
#include "tests/nn/distill/terms.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

using Value = std::function<Tensor(const Tensor& z, const Tensor& v)>;

// A term of both logits, at T = 1, which promises all that KL keeps.
Term term_of(Value value) {
  return {.name = "own",
          .value =
              [value = std::move(value)](const TermStep& s) { return value(s.student, s.teacher); },
          .promises = {.shift_invariant = true, .never_negative = true, .at_equal = 0}};
}

std::string complaint(const Term& term, Index classes = 5) {
  return error_of([&] { check_objective(term, classes); });
}
std::string complaint(Value value) {
  return complaint(term_of(std::move(value)));
}

Tensor kl(const Tensor& z, const Tensor& v) {
  return kl_div(log_softmax(z), softmax(v));
}

// y = x with a gradient of factor times what it should be.
Tensor off_by(const Tensor& x, double factor) {
  return record("off_by", x.detach(), {x},
                [factor](const Tensor& dy) -> Gradients { return {dy * factor}; });
}

}  // namespace

TEST_CASE("terms that keep their promises pass, for any number of classes") {
  for (const Index classes : {2, 3, 10, 1000}) {
    CAPTURE(classes);
    for (const Term& term : {true_classes(), soft_targets(1), soft_targets(4), soft_targets(20)}) {
      CHECK(complaint(term, classes) == "(no error)");
    }
  }
  Term squares = term_of([](const Tensor& z, const Tensor& v) { return mse(z, v); });
  squares.promises.shift_invariant = false;
  CHECK(complaint(squares) == "(no error)");
  CHECK(error_of([] { check_objective(soft_targets(1), 1); }) ==
        "self_check: at least two classes are needed; got 1");
  CHECK(contains(complaint(hint_between("2", "2")), "the term \"hint\" has taps, whose shapes"));
}

TEST_CASE("a term that is no number for hard logits is found") {
  // ln of a softmax, not a log-softmax: −∞ in a class that the student rules out.
  const std::string text = complaint(
      [](const Tensor& z, const Tensor& v) { return kl_div(log(softmax(z)), softmax(v)); });
  CHECK(contains(text,
                 "self_check: the term \"own\" is inf where logits of the student are up to "
                 "±10000; DistillerOptions::self_check = false trains with it all the same"));
  CHECK(contains(complaint([](const Tensor& z, const Tensor& v) {
                   const Tensor p = softmax(v);
                   return mean(sum_last(p * (log(p) - log_softmax(z))));
                 }),
                 "is nan where logits of the teacher are up to ±10000"));
  // A root whose derivative is infinite at 0.
  CHECK(contains(complaint([](const Tensor& z, const Tensor& v) {
                   return mean(sqrt(sum_last(square(softmax(z) - softmax(v)))));
                 }),
                 "has a gradient that is not finite where"));
}

TEST_CASE("a term that breaks down for one image or two classes is found") {
  const auto over = [](Index n) { return 1.0 / static_cast<double>(n); };
  CHECK(contains(
      complaint([&](const Tensor& z, const Tensor& v) { return kl(z, v) * over(z.dim(0) - 1); }),
      "where there is one image"));
  CHECK(contains(
      complaint([&](const Tensor& z, const Tensor& v) { return kl(z, v) * over(z.dim(1) - 2); }),
      "where there are two classes"));
  // It may refuse them.
  CHECK(complaint([&](const Tensor& z, const Tensor& v) {
          if (z.dim(0) < 2 || z.dim(1) < 3) fail("own", "more are needed");
          return kl(z, v);
        }) == "(no error)");
}

TEST_CASE("promises that are not kept are found") {
  CHECK(contains(complaint([](const Tensor& z, const Tensor& v) { return kl(z, v) * -1; }),
                 "promises never to be negative, and is -"));
  // The entropy forgotten: cross-entropy in place of KL.
  CHECK(contains(complaint([](const Tensor& z, const Tensor& v) {
                   return mean(sum_last(softmax(v) * log_softmax(z))) * -1;
                 }),
                 "promises to be 0 where student and teacher agree, and is "));
  CHECK(contains(complaint([](const Tensor& z, const Tensor& v) { return mse(z, v); }),
                 "promises that a constant added to a row of logits changes nothing, and its "
                 "gradient sums to "));
  // The value stays and the gradient does not sum to 0.
  CHECK(contains(
      complaint([](const Tensor& z, const Tensor& v) { return kl(z, v) + mean(z - z.detach()); }),
      "its gradient sums to"));
  // The gradient sums to 0 and the value does not stay.
  CHECK(contains(complaint([](const Tensor& z, const Tensor& v) {
                   return kl(z, v) + mean(square(z.detach() - v));
                 }),
                 "changes nothing, and goes from "));
}

TEST_CASE("a wrong gradient is found, and one that is cut on purpose is not") {
  const auto wrong = [](double factor) {
    return complaint([=](const Tensor& z, const Tensor& v) { return off_by(kl(z, v), factor); });
  };
  const std::string text =
      "has another gradient than differences with respect to the student's logits: ";
  CHECK(contains(wrong(-1), text));
  CHECK(contains(wrong(2), text));
  CHECK(contains(wrong(1.2), text));
  CHECK(wrong(1) == "(no error)");
  // A normaliser of the student's own that is taken for a constant.
  const Value detached = [](const Tensor& z, const Tensor& v) {
    const Tensor length = sqrt(sum_last(square(softmax(z)))).detach();
    const Tensor p = softmax(v);
    return mean(sum_last(square(softmax(z) / length - p / sqrt(sum_last(square(p))))));
  };
  CHECK(contains(complaint(detached), "is to be told by TermPromises::detaches)"));
  Term on_purpose = term_of(detached);
  on_purpose.promises.detaches = true;
  CHECK(complaint(on_purpose) == "(no error)");
  CHECK(complaint([](const Tensor& z, const Tensor& v) { return kl(z.detach(), v); }) ==
        "self_check: the term \"own\" has no gradient: nothing that the student gives is in it; "
        "DistillerOptions::self_check = false trains with it all the same");
  // A kink is no fault.
  Term margin = term_of([](const Tensor& z, const Tensor& v) { return mean(relu(v - z)); });
  margin.promises = {.never_negative = true, .at_equal = 0};
  CHECK(complaint(margin) == "(no error)");
}

TEST_CASE("terms of features are tried on taps of the shapes that there are, and on zeros") {
  const Dataset data = rows_of_light(20, 1);
  const auto complaint_of = [&](FunctionRef<Tensor(const Tensor&, const Tensor&)> value,
                                TermPromises promises) {
    Sequential teacher = perceptron(1, {16, 12, 4}), student = perceptron(2, {16, 12, 4});
    const Term term{
        .name = "own",
        .value = [&](const TermStep& s) { return value(s.student_taps[0], s.teacher_taps[0]); },
        .uses_teacher = false,
        .student_taps = {"2"},
        .teacher_taps = {"2"},
        .promises = promises};
    return error_of([&] {
      Distiller(teacher, student, term).fit(data, {.epochs = 1, .batch_size = 20, .lr = 0});
    });
  };
  const auto direction = [](const Tensor& f) { return f / sqrt(sum_last(square(f)) + 1e-6); };
  const TermPromises all{.never_negative = true, .at_equal = 0};
  CHECK(complaint_of([&](auto& f, auto& g) { return mse(direction(f), direction(g)); }, all) ==
        "(no error)");
  CHECK(contains(complaint_of(
                     [](auto& f, auto& g) {
                       const auto unguarded = [](const Tensor& x) {
                         return x / sqrt(sum_last(square(x)));
                       };
                       return mse(unguarded(f), unguarded(g));
                     },
                     all),
                 "is nan where the student's taps are 0"));
  CHECK(contains(complaint_of([](auto& f, auto& g) { return mse(f, g * 2); }, all),
                 "promises to be 0 where student and teacher agree"));
  CHECK(contains(complaint_of([](auto& f, auto& g) { return mse(off_by(f, -1), g); },
                              {.never_negative = true}),
                 "with respect to the student's \"2\": "));
}

TEST_CASE("the check is the Distiller's by default, can be left out, and takes no second") {
  const Dataset data = rows_of_light(20, 1);
  Sequential teacher = perceptron(1), student = perceptron(2);
  const Term wrong = term_of([](const Tensor& z, const Tensor& v) { return kl(z, v) * -1; });
  const std::vector<Tensor> before = weights_of(student);
  const TrainOptions options{.epochs = 1};
  CHECK(contains(error_of([&] { Distiller(teacher, student, wrong).fit(data, options); }),
                 "self_check: the term \"own\" promises"));
  CHECK(same_weights(weights_of(student), before));
  CHECK_FALSE(student.parameters()[0].has_grad());
  Distiller(teacher, student, wrong, {.self_check = false}).fit(data, options);

  // A term that takes a tenth of a second: what there is no time for is left out.
  const Term slow = term_of([](const Tensor& z, const Tensor& v) {
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(100)) continue;
    return kl(z, v);
  });
  const auto start = std::chrono::steady_clock::now();
  check_objective(slow, 5);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(3));
}
