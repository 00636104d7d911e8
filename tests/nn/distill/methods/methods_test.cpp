// What holds for all methods on logits, each tried on all: gradients, what changes nothing, edges.
#include <functional>

#include "core/function_ref.h"
#include "core/parallel.h"
#include "nn/distill/methods/case_temperature.h"
#include "nn/distill/methods/dist.h"
#include "nn/distill/methods/divergences.h"
#include "nn/distill/methods/dkd.h"
#include "nn/distill/methods/kd.h"
#include "nn/distill/methods/labels.h"
#include "nn/distill/methods/mse_logits.h"
#include "nn/distill/methods/nkd.h"
#include "nn/distill/methods/repair.h"
#include "nn/distill/methods/rows.h"
#include "nn/distill/methods/standardise.h"
#include "nn/distill/methods/virtual_teacher.h"
#include "nn/distill/methods/wsl.h"
#include "nn/distill/self_check.h"
#include "tests/nn/distill/methods/step.h"
#include "tests/nn/distill/terms.h"

using namespace limbeck;
using namespace limbeck::testing;
using namespace limbeck::testing::worked;

namespace {

using Ids = std::vector<std::int32_t>;

std::vector<Term> all_methods() {
  return {labels(),
          labels({.label_smoothing = 0.1}),
          hard_kd(),
          kd(),
          kd({.temperature = 1}),
          soft_ce(),
          reverse_kd(),
          js(),
          js({.temperature = 1, .beta = 0.1}),
          mse_logits(),
          mse_logits({.teacher_scale = 0.5}),
          dkd(),
          dkd({.temperature = 1, .alpha = 0.5, .beta = 2}),
          dist(),
          dist({.temperature = 1, .beta = 2, .gamma = 0.5}),
          nkd(),
          nkd({.temperature = 3}),
          wsl(),
          repair(),
          repair({.repair = Repair::swap}),
          repair({.repair = Repair::lead}),
          tf_kd(),
          tf_kd({.temperature = 1}),
          kd_by_case(),
          kd_by_case({.rule = CaseRule::confidence}),
          standardised(kd({.temperature = 2})),
          standardised(dkd(), {.correction = 0}),
          standardised(dist())};
}

// Calls f(term) for each, and says which it was.
void for_all(FunctionRef<void(const Term&)> f) {
  for (const Term& term : all_methods()) {
    CAPTURE(term.description);
    f(term);
  }
}

std::string text_of(const Term& term) {
  return term.description.empty() ? term.name : term.description;
}

Tensor dz_of(const Term& term, const Tensor& student, const Tensor& teacher, const Ids& ids) {
  return gradient(student, [&](const Tensor& x) { return value_of(term, x, teacher, ids); });
}

bool finite(const Tensor& x) {
  return std::ranges::all_of(x.values(), [](real a) { return std::isfinite(a); });
}

// Column j of what comes is column order[j] of x.
Tensor columns(const Tensor& x, const Ids& order) {
  return permute(gather_rows(permute(x, {1, 0}), order), {1, 0});
}

// Seven cases of six classes.
const Tensor student = random_tensor({7, 6}, 1, -3, 3);
const Tensor teacher = random_tensor({7, 6}, 2, -4, 4);
const Ids ids = {0, 1, 2, 3, 4, 5, 0};
constexpr double rounding = in_double ? 1e-12 : 1e-5;

}  // namespace

TEST_CASE("gradients of all methods are those of differences, but where a part is a constant") {
  for_all([](const Term& term) {
    const auto loss = [&](const std::vector<Tensor>& x) {
      return value_of(term, x[0], teacher, ids);
    };
    if (!term.promises.detaches) {
      CHECK(gradient_error(loss, {student}) < (in_double ? 1e-6 : 0.3));
    }
    Tensor leaf = teacher.clone().requires_grad();
    value_of(term, student.clone().requires_grad(), leaf, ids).backward();
    if (!term.name.starts_with("std-")) CHECK_FALSE(leaf.has_grad());
  });
}

TEST_CASE("the gradient sums to 0 in each row, but for least squares on logits") {
  for_all([](const Term& term) {
    const Tensor sums = sum_last(dz_of(term, student, teacher, ids));
    const bool none = difference(sums, Tensor::zeros({7, 1})) < (in_double ? 1e-14 : 2e-6);
    CHECK(none == (term.name != "mse"));
  });
}

TEST_CASE("the order of classes and of cases makes no difference to any method") {
  const Ids order = {3, 0, 5, 1, 4, 2};
  Ids renamed;
  for (const std::int32_t id : ids) {
    renamed.push_back(static_cast<std::int32_t>(std::ranges::find(order, id) - order.begin()));
  }
  const Ids cases = {6, 2, 0, 1, 5, 3, 4};
  Ids their_ids;
  for (const std::int32_t n : cases) their_ids.push_back(ids[static_cast<std::size_t>(n)]);
  for_all([&](const Term& term) {
    const double value = number(value_of(term, student, teacher, ids));
    const Tensor dz = dz_of(term, student, teacher, ids);
    const Tensor z_columns = columns(student, order), v_columns = columns(teacher, order);
    CHECK(number(value_of(term, z_columns, v_columns, renamed)) ==
          doctest::Approx(value).epsilon(rounding));
    CHECK(difference(dz_of(term, z_columns, v_columns, renamed), columns(dz, order)) < rounding);
    const Tensor z_rows = gather_rows(student, cases), v_rows = gather_rows(teacher, cases);
    CHECK(number(value_of(term, z_rows, v_rows, their_ids)) ==
          doctest::Approx(value).epsilon(rounding));
    CHECK(difference(dz_of(term, z_rows, v_rows, their_ids), gather_rows(dz, cases)) < rounding);
  });
}

TEST_CASE("all methods keep what their terms promise") {
  const Tensor shift = random_tensor({7, 1}, 3, -5, 5);
  for_all([&](const Term& term) {
    const double value = number(value_of(term, student, teacher, ids));
    const double shifted = number(value_of(term, student + shift, teacher, ids));
    CHECK((std::abs(shifted - value) < rounding * (10 + value)) == term.promises.shift_invariant);
    if (term.promises.at_equal) {
      CHECK(number(value_of(term, teacher, teacher, ids)) ==
            doctest::Approx(*term.promises.at_equal).epsilon(in_double ? 1e-13 : 1e-6));
      CHECK(difference(dz_of(term, teacher, teacher, ids), Tensor::zeros({7, 6})) < rounding);
    }
    if (term.promises.never_negative) {
      for (std::uint64_t seed = 0; seed < 100; ++seed) {
        const Tensor near_it = teacher + random_tensor({7, 6}, seed) * static_cast<real>(1e-5);
        CHECK(value_of(term, near_it, teacher, ids).item() >= 0);
      }
    }
    CHECK(term.uses_teacher == (term.name != "labels" && term.name != "tf-kd"));
    if (!term.uses_labels) {
      const Ids others(7, -1);
      CHECK(number(value_of(term, student, teacher, others)) == value);
    }
  });
}

TEST_CASE(
    "a doubled temperature of doubled logits is T² times as much, and nothing to a correlation") {
  const auto ratio = [](const Term& at_2, const Term& at_4) {
    return number(value_of(at_4, student * real{2}, teacher * real{2}, ids)) /
           number(value_of(at_2, student, teacher, ids));
  };
  const std::vector<std::function<Term(double)>> with_t2 = {
      [](double t) { return kd({t}); },         [](double t) { return soft_ce({t}); },
      [](double t) { return reverse_kd({t}); }, [](double t) { return js({t}); },
      [](double t) { return dkd({t}); },        [](double t) { return repair({t}); }};
  for (const auto& make : with_t2) CHECK(ratio(make(2), make(4)) == doctest::Approx(4));
  CHECK(ratio(dist({2}), dist({4})) == doctest::Approx(1));
  CHECK(ratio(mse_logits(), mse_logits()) == doctest::Approx(4));
}

TEST_CASE(
    "logits far apart, rows that are constant, one case and two classes give finite numbers") {
  const Tensor far = tensor({3, 3}, {200, 0, -200, -200, 200, 0, 0, 0, 200});
  const Tensor flat = Tensor::zeros({3, 3}), reversed = far * real{-1};
  const Tensor pair = tensor({1, 2}, {0.2, 0.1}), opposite = tensor({1, 2}, {-3, 4});
  const Ids three = {1, 1, 0}, one = {0};
  for_all([&](const Term& term) {
    for (const auto& [mine, theirs] : std::vector<std::pair<Tensor, Tensor>>{
             {far, reversed}, {far, flat}, {flat, far}, {flat, flat}, {far, far}}) {
      CHECK(finite(value_of(term, mine, theirs, three)));
      CHECK(finite(dz_of(term, mine, theirs, three)));
    }
    for (const auto& [mine, theirs] : std::vector<std::pair<Tensor, Tensor>>{
             {pair, opposite}, {opposite, pair}, {pair, pair}, {row(far, 0), row(far, 1)}}) {
      CHECK(finite(value_of(term, mine, theirs, one)));
      CHECK(finite(dz_of(term, mine, theirs, one)));
    }
  });
}

TEST_CASE("a NaN or an infinity in a row shows in the value of every method") {
  for_all([](const Term& term) {
    for (const real odd : {real(NAN), real(INFINITY)}) {
      for (const std::size_t at : {6U, 7U, 11U}) {  // the row whose label is 1
        Tensor mine = student.clone(), theirs = teacher.clone();
        mine.values()[at] = odd;
        // (Infinitely sure of its label a student is right, at no loss of that.)
        if (at != 7U || std::isnan(odd) || term.uses_teacher) {
          CHECK_FALSE(std::isfinite(number(value_of(term, mine, teacher, ids))));
        }
        theirs.values()[at] = odd;
        // (A decision is one, however large the logit.)
        if (term.uses_teacher && term.name != "hard-kd") {
          CHECK_FALSE(std::isfinite(number(value_of(term, student, theirs, ids))));
        }
      }
    }
  });
}

TEST_CASE("any number of threads gives the same bits") {
  const int before = threads();
  const Tensor many = random_tensor({1000, 10}, 4, -3, 3),
               more = random_tensor({1000, 10}, 5, -3, 3);
  Ids labels_of_many;
  for (std::int32_t n = 0; n < 1000; ++n) labels_of_many.push_back(n % 10);
  for_all([&](const Term& term) {
    set_threads(1);
    const Tensor value = value_of(term, many, more, labels_of_many);
    const Tensor dz = dz_of(term, many, more, labels_of_many);
    set_threads(3);
    CHECK(same_bits(value_of(term, many, more, labels_of_many), value));
    CHECK(same_bits(dz_of(term, many, more, labels_of_many), dz));
  });
  set_threads(before);
}

TEST_CASE("all methods refuse logits and labels that do not belong together") {
  const Ids unknown = {0, 1, 2, -1, 4, 5, 0}, high = {0, 1, 6, 3, 4, 5, 0};
  for_all([&](const Term& term) {
    const auto complaint = [&](const Tensor& mine, const Tensor& theirs, const Ids& of) {
      return error_of([&] { value_of(term, mine, theirs, of); });
    };
    if (term.uses_labels) {
      CHECK(contains(complaint(student, teacher, unknown), "label -1 of case 3 is not one of"));
      CHECK(contains(complaint(student, teacher, high), "label 6 of case 2 is not one of the 6"));
      CHECK(contains(complaint(student, teacher, {0, 1}), "2 labels for 7 cases"));
    }
    if (term.uses_teacher) {
      CHECK(contains(complaint(student, slice_rows(teacher, 0, 3), ids),
                     "the student gives logits (7, 6) and the teacher (3, 6); both need the same"));
    }
    CHECK(contains(complaint(Tensor::zeros({0, 6}), Tensor::zeros({0, 6}), {}),
                   "the logits must be (N, C)"));
  });
  const Ids zeros(5, 0);
  CHECK(error_of([&] {
          dkd_loss(Tensor::zeros({5, 1}), Tensor::zeros({5, 1}), zeros);
        }) ==
        "dkd_loss: the label is compared with the other classes: two at least are needed; logits "
        "(5, 1)");
}

TEST_CASE("all methods refuse options out of range, and name them") {
  const std::vector<std::function<Term(double)>> with_temperature = {
      [](double t) { return kd({t}); },
      [](double t) { return soft_ce({t}); },
      [](double t) { return reverse_kd({t}); },
      [](double t) { return js({t}); },
      [](double t) { return dkd({t}); },
      [](double t) { return dist({t}); },
      [](double t) { return nkd({t}); },
      [](double t) { return wsl({t}); },
      [](double t) { return repair({t}); },
      [](double t) { return tf_kd({t}); },
      [](double t) { return kd_by_case({.temperature = t}); }};
  const auto complaint = [](const Term& term) {
    return error_of([&] { value_of(term, student, teacher, ids); });
  };
  for (const auto& make : with_temperature) {
    for (const double t : {0.0, -1.0, double{NAN}, double{INFINITY}}) {
      CHECK(contains(complaint(make(t)), "the temperature must be a positive number; got"));
    }
  }
  CHECK(complaint(dkd({.alpha = -1})) == "dkd_loss: alpha must be a number of at least 0; got -1");
  CHECK(complaint(dkd({.beta = NAN})) == "dkd_loss: beta must be a number of at least 0; got nan");
  CHECK(contains(complaint(dist({.beta = -1})), "beta must be a number of at least 0; got -1"));
  CHECK(contains(complaint(dist({.gamma = -1})), "gamma must be a number of at least 0; got -1"));
  CHECK(contains(complaint(nkd({.gamma = -1})), "gamma must be a number of at least 0; got -1"));
  CHECK(contains(complaint(kd_by_case({.gamma = -1})), "gamma must be a number of at least 0"));
  CHECK(complaint(repair({.lead = 2})) ==
        "repair_loss: lead, of the label before the next class, must be in [0, 1]; got 2");
  CHECK(complaint(tf_kd({.confidence = 0})) ==
        "tf_kd_loss: confidence, the virtual teacher's in the label, must be in (0, 1]; got 0");
  CHECK(error_of([] {
          kd_by_case_loss(z, v, std::vector<double>{1, 2});
        }) == "kd_by_case_loss: 2 temperatures for 3 cases; logits (3, 5)");
}

TEST_CASE("all methods pass the check that comes before a training") {
  for_all([](const Term& term) {
    CHECK(error_of([&] { check_objective(term, 10); }) == "(no error)");
    CHECK(error_of([&] { check_objective(term, 2); }) == "(no error)");
  });
}

TEST_CASE("labels and soft targets as terms train as the two numbers do") {
  const Dataset data = rows_of_light(40, 1);
  Sequential trained = perceptron(1);
  const auto reports = [&](auto&&... what) {
    Sequential learner = perceptron(2);
    return Distiller(trained, learner, what...).fit(data, {.epochs = 3, .batch_size = 8});
  };
  const auto by_numbers = reports(DistillationOptions{.temperature = 3, .alpha = 0.2});
  const auto by_terms = reports(0.2 * labels() + 0.8 * kd({.temperature = 3}));
  CHECK(by_terms[0].term("kd") > by_terms[2].term("kd"));
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(by_terms[i].term("labels") == doctest::Approx(by_numbers[i].term("hard")).epsilon(1e-4));
    CHECK(by_terms[i].term("kd") == doctest::Approx(by_numbers[i].term("soft")).epsilon(1e-4));
  }
}

TEST_CASE("terms say what they depend on") {
  std::vector<std::string> texts;
  for_all([&](const Term& term) { texts.push_back(text_of(term)); });
  std::vector<std::string> sorted = texts;
  std::ranges::sort(sorted);
  CHECK(std::ranges::adjacent_find(sorted) == sorted.end());  // none like another
  CHECK(texts[3] == "kd(T=4)");
  CHECK(texts[11] == "dkd(T=4, alpha=1, beta=8)");
  CHECK(text_of(repair({.repair = Repair::lead})) == "repair(lead, T=4, lead=0.2)");
  CHECK(text_of(kd({[](double done) { return 4 - 3 * done; }})) == "kd(T=4…2.5…1)");
  CHECK((0.1 * labels() + 0.9 * kd()).str() == "0.1 * labels + 0.9 * kd(T=4)");
}
