// A student that learns from a sum of terms: what the sum is, what reports say, what is refused.
#include <numeric>

#include "nn/batch_norm.h"
#include "nn/distill/distiller.h"
#include "nn/distill/ensemble.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/models.h"
#include "nn/train/evaluate.h"
#include "tests/nn/distill/terms.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

std::vector<EpochReport> distil(const Objective& objective, const TrainOptions& options,
                                const DistillerOptions& how = {}) {
  const Dataset data = rows_of_light(60, 1);
  Sequential teacher = perceptron(1, {16, 12, 4}), student = perceptron(2);
  return Distiller(teacher, student, objective, how).fit(data, options);
}

std::string refusal(const Objective& objective, const TrainOptions& options = {}) {
  return error_of([&] { distil(objective, options); });
}

Term named(const std::string& name) {
  Term term = true_classes();
  term.name = name;
  return term;
}

}  // namespace

TEST_CASE("a sum of labels and soft targets is the loss of T and alpha") {
  const Dataset data = rows_of_light(60, 1), test = rows_of_light(20, 2);
  const TrainOptions options{.epochs = 4, .batch_size = 16, .lr = 0.01, .test = &test};
  Sequential teacher = perceptron(1, {16, 12, 4}), by_terms = perceptron(2), usual = perceptron(2);
  const auto a =
      Distiller(teacher, by_terms, 0.2 * true_classes() + 0.8 * soft_targets(3)).fit(data, options);
  const auto b = Distiller(teacher, usual, {.temperature = 3, .alpha = 0.2}).fit(data, options);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(a[i].term("labels") == doctest::Approx(b[i].term("hard")).epsilon(1e-3));
    CHECK(a[i].term("soft-targets") == doctest::Approx(b[i].term("soft")).epsilon(1e-3));
    CHECK(a[i].loss == doctest::Approx(b[i].loss).epsilon(1e-3));
    CHECK(a[i].agreement.has_value());
  }
  for (std::size_t i = 0; i < usual.parameters().size(); ++i) {
    CHECK(difference(by_terms.parameters()[i], usual.parameters()[i]) < 2e-3);
  }
}

TEST_CASE("by T and alpha the Distiller is a training by distillation_loss, to the bit") {
  const Dataset data = rows_of_light(60, 1);
  Sequential teacher = perceptron(1, {16, 12, 4}), distilled = perceptron(2),
             by_hand = perceptron(2);
  const TrainOptions options{.epochs = 4, .batch_size = 16, .lr = 0.01};
  const DistillationOptions how{.temperature = 3, .alpha = 0.2};
  const auto reports = Distiller(teacher, distilled, how).fit(data, options);
  const Tensor answers = logits_of(teacher, data);
  const auto same = fit(by_hand, data, options, [&](const Step& step) {
    const DistillationLoss loss = distillation_loss(
        step.logits, gather_rows(answers, step.batch.indices), step.batch.class_ids, how);
    return Loss(loss.total, {{.name = "hard", .weight = 0.2, .value = loss.hard},
                             {.name = "soft", .weight = 0.8, .value = loss.soft}});
  });
  CHECK(same_weights(weights_of(distilled), weights_of(by_hand)));
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(reports[i].loss == same[i].loss);
    CHECK(reports[i].term("hard") == same[i].term("hard"));
    CHECK(reports[i].term("soft") == same[i].term("soft"));
  }
}

TEST_CASE("labels alone make the student that plain training makes, to the bit, unasked teacher") {
  const Dataset data = rows_of_light(60, 1);
  Index asked = 0;
  Sequential teacher([&](const Tensor& x) { return asked += x.dim(0), x; });
  teacher.add(perceptron(1));
  const TrainOptions options{.epochs = 3, .batch_size = 16};
  Sequential student = perceptron(2), plain = perceptron(2);
  Distiller(teacher, student, true_classes()).fit(data, options);
  train_classifier(plain, data, options);
  CHECK(same_weights(weights_of(student), weights_of(plain)));
  CHECK(asked == 1);  // for its number of classes
}

TEST_CASE("a schedule, options and neither by {} can still be given") {
  const Dataset data = rows_of_light(20, 1);
  Sequential teacher = perceptron(1), student = perceptron(2);
  const TrainOptions options{.epochs = 1, .batch_size = 20};
  Distiller(teacher, student, {}, {}).fit(data, options);
  Distiller(teacher, student, {.alpha = 0}, anneal_temperature(8, 2), {.answers_limit = 0})
      .fit(data, options);
}

TEST_CASE("reports have each term's value and the mean of its weights, by name") {
  // At a learning rate of 0 every epoch has the same values.
  const TrainOptions options{.epochs = 5, .batch_size = 60, .lr = 0};  // a step an epoch
  const auto rising = [](double done) { return 10 * done; };
  const auto reports = distil(
      0.5 * true_classes() + until(0.5) * 3 * soft_targets(2) + rising * hint_between("2", "2"),
      options);
  REQUIRE(reports.size() == 5);
  const double labels = reports[0].term("labels"), hint = reports[0].term("hint");
  for (std::size_t i = 0; i < 5; ++i) {
    const EpochReport& r = reports[i];
    REQUIRE(r.terms.size() == 3);
    CHECK(r.terms[0].weight == 0.5);
    CHECK(r.terms[1].weight == (i < 2 ? 3 : 0));
    CHECK(r.terms[2].weight == doctest::Approx(2.5 * static_cast<double>(i)));
    CHECK(r.term("labels") == doctest::Approx(labels));
    CHECK(r.term("hint") == doctest::Approx(hint));
    CHECK(std::isfinite(r.term("soft-targets")));  // also while it does not count
    const double sum =
        0.5 * labels + r.terms[1].weight * r.term("soft-targets") + r.terms[2].weight * hint;
    CHECK(r.loss == doctest::Approx(sum).epsilon(1e-5));
    CHECK(std::isnan(r.terms[0].gradient));
  }
  std::vector<std::string> names;
  for (const ReportNumber& number : numbers_of(reports[0])) names.push_back(number.name);
  CHECK(std::vector<std::string>(names.begin(), names.begin() + 7) ==
        std::vector<std::string>{"loss", "labels", "labels-weight", "soft-targets",
                                 "soft-targets-weight", "hint", "hint-weight"});
}

TEST_CASE("a term whose weight is 0 moves nothing, and alone it keeps the student as it is") {
  const Dataset data = rows_of_light(60, 1);
  const TrainOptions options{.epochs = 2, .batch_size = 16};
  const auto weights_by = [&](const Objective& objective) {
    Sequential teacher = perceptron(1, {16, 12, 4}), student = perceptron(2);
    Distiller(teacher, student, objective).fit(data, options);
    return weights_of(student);
  };
  const auto after_first = [](double done) { return done == 0 ? 1.0 : 0.0; };
  const auto never = [](double) { return 0.0; };
  CHECK(same_weights(weights_by(never * true_classes()), weights_of(perceptron(2))));
  CHECK_FALSE(same_weights(weights_by(after_first * true_classes()), weights_of(perceptron(2))));
  CHECK(same_weights(weights_by(true_classes() + 0 * hint_between("2", "2")),
                     weights_by(Objective(true_classes()))));
}

TEST_CASE("the length of a term's gradient with respect to the logits is told on request") {
  const Dataset data = rows_of_light(32, 1);
  Sequential teacher = perceptron(1, {16, 12, 4}), student = perceptron(2);
  Tensor dz = softmax(logits_of(student, data));  // dCE = (q − onehot) / N
  for (Index i = 0; i < 32; ++i)
    dz.data()[i * 4 + data.class_ids[static_cast<std::size_t>(i)]] -= 1;
  const double expected = std::sqrt(static_cast<double>(sum(square(dz)).item())) / 32;
  const auto report = Distiller(teacher, student, 7 * true_classes() + hint_between("2", "2"),
                                {.gradient_every = 2})
                          .fit(data, {.epochs = 3, .batch_size = 32, .lr = 0})[0];
  CHECK(report.terms[0].gradient == doctest::Approx(expected).epsilon(1e-4));
  CHECK(report.terms[1].gradient > 0);  // of the hint with respect to its tap
  bool found = false;
  for (const ReportNumber& number : numbers_of(report)) {
    if (number.name == "labels-gradient") found = number.value == report.terms[0].gradient;
  }
  CHECK(found);
}

TEST_CASE("to ask for gradients, or for no self-check, changes no bit of a training") {
  const Dataset data = rows_of_light(60, 1);
  const auto weights_by = [&](const DistillerOptions& how) {
    Sequential teacher = perceptron(1, {16, 12, 4}), student = perceptron(2, {16, 8, 4}, 0.3);
    Term term = hint_between("2", "2");
    const auto inner = term.prepare;
    const auto adaptor = std::static_pointer_cast<Sequential>(term.modules[0]);
    term.prepare = [=](const TermShapes& of, Rng& rng) {  // with all that a forward pass changes
      Sequential made(BatchNorm1d({.channels = of.student_taps[0].size()}),
                      Dropout({.p = 0.3}, rng));
      made.add(Linear({.in = of.student_taps[0].size(), .out = of.teacher_taps[0].size()}, rng));
      *adaptor = std::move(made);
    };
    Distiller(teacher, student, true_classes() + 2 * term, how)
        .fit(data, {.epochs = 3, .batch_size = 16, .clip_norm = 1});
    std::vector<Tensor> all = weights_of(student);
    for (const Tensor& w : weights_of(*adaptor)) all.push_back(w);
    for (const NamedTensor& b : adaptor->named_buffers()) all.push_back(b.tensor.clone());
    return all;
  };
  const std::vector<Tensor> plain = weights_by({.self_check = false});
  CHECK(same_weights(weights_by({}), plain));
  CHECK(same_weights(weights_by({.gradient_every = 1}), plain));
  CHECK(same_weights(weights_by({.answers_limit = 0}), plain));
}

TEST_CASE("an ensemble answers each term at the T of that term") {
  const Dataset data = rows_of_light(20, 1);
  Sequential a = perceptron(1), b = perceptron(2), student = perceptron(3);
  Ensemble both({&a, &b}, {.averaging = Averaging::probabilities});
  std::vector<Tensor> seen;
  const auto watching = [&](const std::string& name, double t) {
    Term term = soft_targets(t);
    term.name = name;
    term.value = [&seen, inner = term.value](const TermStep& s) {
      seen.push_back(s.teacher.clone());
      return inner(s);
    };
    return term;
  };
  Distiller(both, student, watching("cold", 1) + watching("warm", 5), {.self_check = false})
      .fit(data, {.epochs = 1, .batch_size = 20});
  REQUIRE(seen.size() == 2);
  const auto sorted = [](const Tensor& x) {
    std::vector<real> values(x.values().begin(), x.values().end());
    std::ranges::sort(values);
    return values;
  };
  std::vector<Index> all(20);
  std::iota(all.begin(), all.end(), Index{0});
  const Tensor members = both.member_logits(make_batch(data, all).images);
  for (const std::size_t i : {0U, 1U}) {
    const std::vector<real> expected = sorted(both.average(members, i == 0 ? 1 : 5));
    const std::vector<real> found = sorted(seen[i]);
    for (std::size_t j = 0; j < found.size(); ++j) {
      CHECK(found[j] == doctest::Approx(expected[j]).epsilon(1e-4));
    }
  }
}

TEST_CASE("from logits that are there already a student learns by terms without teacher taps") {
  const Dataset data = rows_of_light(30, 1);
  const TrainOptions options{.epochs = 2, .batch_size = 16, .seed = 5};
  Sequential teacher = perceptron(1), stored = perceptron(2), asked = perceptron(2);
  const Objective objective = 0.5 * true_classes() + soft_targets(anneal_temperature(4, 1));
  distill_from_logits(logits_of(teacher, data), stored, data, objective, options);
  Distiller(teacher, asked, objective).fit(data, options);
  CHECK(same_weights(weights_of(stored), weights_of(asked)));
  CHECK(error_of([&] {
          distill_from_logits(logits_of(teacher, data), stored, data, hint_between("2", "1"),
                              options);
        }) ==
        "distill_from_logits: the objective asks for the teacher's \"1\", and there are its logits "
        "alone");
}

TEST_CASE("from answers with taps a student learns with the bits that its teacher would give it") {
  const Dataset data = rows_of_light(530, 1);  // the teacher is asked about 500 at once
  const TrainOptions options{.epochs = 2, .batch_size = 50, .seed = 5};
  Sequential teacher = perceptron(1, {16, 12, 4}, 0.5), asked = perceptron(2);
  const auto objective = [] { return soft_targets(4) + hint_between("2", "teacher.2"); };
  Distiller(teacher, asked, objective()).fit(data, options);
  GivenAnswers answers = answers_of(teacher, data, {"teacher.2"});
  CHECK(teacher.is_training());
  CHECK(same_bits(answers.logits, logits_of(teacher, data)));
  CHECK(answers.taps.at("teacher.2").shape() == Shape{530, 12});
  for (int student = 0; student < 2; ++student) {  // one after another from the same answers
    Sequential given = perceptron(2);
    distill_from_answers(answers, given, data, objective(), options);
    CHECK(same_weights(weights_of(given), weights_of(asked)));
  }

  const auto refusal_of = [&](const GivenAnswers& given) {
    return error_of([&] { distill_from_answers(given, asked, data, objective(), options); });
  };
  CHECK(
      refusal_of({.logits = answers.logits, .taps = {{"2", answers.logits}}}) ==
      "distill_from_answers: the objective asks for the teacher's \"teacher.2\", and there are its "
      "logits and other outputs");
  CHECK(refusal_of({.logits = answers.logits, .taps = {{"teacher.2", Tensor::zeros({3, 12})}}}) ==
        "distill_from_answers: the teacher's \"teacher.2\" needs a row for each of 530 images; got "
        "(3, 12)");
  answers.taps.at("teacher.2").values()[12] = NAN;
  CHECK(
      contains(refusal_of(answers), "the outputs of the teacher's \"teacher.2\" for image 1 have"));
  CHECK(contains(error_of([&] { answers_of(teacher, data, {"9"}); }),
                 "answers_of: the teacher has no module \"9\""));
}

TEST_CASE("an objective says what is wrong with it before anything begins") {
  CHECK(error_of([] {
          Sequential a = perceptron(1), b = perceptron(2);
          Distiller(a, b, Objective(std::vector<Term>{}));
        }) == "Distiller: the objective has no term, so there is nothing to learn");
  CHECK(refusal(Term{.name = "empty", .value = {}}) ==
        "Distiller: the term \"empty\" has no function");
  Term without = hint_between("2", "2");
  without.modules.push_back(nullptr);
  CHECK(refusal(without) == "Distiller: a module of the term \"hint\" is null");
  CHECK(contains(refusal(named("a b")), "letters, digits, '-' and '_'; got \"a b\""));
  CHECK(contains(refusal(named("loss")), "reports have a \"loss\" already"));
  CHECK(error_of([] {
          Sequential a = perceptron(1), b = perceptron(2);
          Distiller(a, b, named("a") + named("a"));
        }) == "Distiller: two terms are named \"a\"; give one of them another `name`");
  CHECK(
      contains(refusal(NAN * true_classes()), "the weight of \"labels\" must be finite; got nan"));
  Term rows = true_classes();
  rows.value = [](const TermStep& s) { return sum_last(s.student); };
  CHECK(contains(refusal(rows), "the term \"labels\" must be a scalar; got (6, 1): take a mean"));
  CHECK(error_of([&] { distil(rows, {}, {.self_check = false}); }) ==
        "Distiller: the term \"labels\" must be a scalar; got (60, 1): take a mean or a sum");
  CHECK(refusal(hint_between("9", "2")) ==
        "Distiller: the student has no module \"9\"; what it has, and gives for an image: 0 (16), "
        "1 (8), 2 (8), 3 (4)");
  CHECK(contains(refusal(hint_between("student.2", "teacher.7")),
                 "the teacher has no module \"teacher.7\"; what it has, and gives for an image: 0 "
                 "(16), 1 (12), 2 (12), 3 (4)"));
  CHECK(error_of([&] { distil(true_classes(), {}, {.answers_limit = -1}); }) ==
        "Distiller: answers_limit, -1 bytes, and gradient_every, 0 steps, must be at least 0");
}

TEST_CASE("labels are needed by an objective only if a term uses them") {
  Dataset data = rows_of_light(30, 1);
  data.class_ids[3] = -1;
  Sequential teacher = perceptron(1), student = perceptron(2);
  const TrainOptions options{.epochs = 1};
  Distiller(teacher, student, soft_targets(2)).fit(data, options);
  CHECK(error_of([&] { Distiller(teacher, student, true_classes()).fit(data, options); }) ==
        "Distiller: image 3 of 30 has no label");
}

TEST_CASE("mixed images are refused before the first step where labels count") {
  const Dataset data = rows_of_light(30, 1);
  Sequential teacher = perceptron(1), student = perceptron(2);
  TrainOptions mixed{.epochs = 1};
  mixed.mix = mixup();
  const std::string why =
      "mixed images have no label to learn; an objective that uses none takes them";
  CHECK(error_of([&] { Distiller(teacher, student, true_classes()).fit(data, mixed); }) ==
        "Distiller: " + why);
  CHECK(error_of([&] { Distiller(teacher, student, {.alpha = 0.5}).fit(data, mixed); }) ==
        "Distiller: " + why);
  CHECK(error_of([&] { fit(student, data, mixed, true_classes()); }) == "fit: " + why);
  CHECK(Distiller(teacher, student, soft_targets(2)).fit(data, mixed).size() == 1);
}
