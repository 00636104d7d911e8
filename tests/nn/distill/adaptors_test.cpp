// Modules that a term owns: made by the seed of the run, trained, clipped, in checkpoints, and no
// part of the student.
#include "nn/batch_norm.h"
#include "nn/distill/distiller.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/models.h"
#include "nn/weights.h"
#include "optim/sgd.h"
#include "tests/data/idx_files.h"
#include "tests/nn/distill/terms.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

struct Result {
  std::vector<Tensor> student, adaptor;
  std::vector<EpochReport> reports;
};

// The student after a training by labels and a hint, whose adaptor has everything that a checkpoint
// must keep: weights, running statistics and a generator.
Result train(const TrainOptions& options, double weight = 2, const std::string& tap = "2") {
  const Dataset data = rows_of_light(35, 1);
  Sequential teacher = perceptron(1, {16, 12, 4}), student = perceptron(2, {16, 8, 4}, 0.2);
  Term term = hint_between(tap, "2");
  const auto adaptor = std::static_pointer_cast<Sequential>(term.modules[0]);
  term.prepare = [=](const TermShapes& of, Rng& rng) {
    CHECK(of.classes == 4);
    CHECK(of.student_taps == std::vector<Shape>{{8}});
    CHECK(of.teacher_taps == std::vector<Shape>{{12}});
    *adaptor = Sequential(BatchNorm1d({.channels = 8}), Dropout({.p = 0.3}, rng),
                          Linear({.in = 8, .out = 12}, rng));
  };
  Result result;
  result.reports = Distiller(teacher, student, true_classes() + weight * term).fit(data, options);
  for (const NamedTensor& part : named_state(student))
    result.student.push_back(part.tensor.clone());
  for (const NamedTensor& part : named_state(*adaptor)) {
    result.adaptor.push_back(part.tensor.clone());
  }
  CHECK(student.parameters().size() == 4);  // nothing of the adaptor's
  CHECK(adaptor->name() == "hint");
  return result;
}

TrainOptions options_for(const std::string& file) {
  TrainOptions options{.epochs = 3, .batch_size = 8, .lr = 0.01, .seed = 3, .weight_average = 0.9};
  options.augment = random_shift(1);
  options.views = 2;
  options.checkpoint.file = file;
  return options;
}

}  // namespace

TEST_CASE("an adaptor begins as the seed of the run says, and learns with the student") {
  TrainOptions options{.epochs = 1, .batch_size = 35, .lr = 0, .seed = 3};
  const Result first = train(options), again = train(options);
  CHECK(same_weights(first.adaptor, again.adaptor));
  options.seed = 4;
  CHECK_FALSE(same_weights(train(options).adaptor, first.adaptor));
  options = {.epochs = 60, .batch_size = 35, .lr = 0.02, .seed = 3};
  const Result learned = train(options);
  CHECK_FALSE(same_weights(learned.adaptor, first.adaptor));
  CHECK(learned.reports.back().term("hint") < 0.6 * learned.reports.front().term("hint"));
}

TEST_CASE("an adaptor's gradient is clipped with the student's") {
  TrainOptions options{.epochs = 1, .batch_size = 35, .lr = 1, .seed = 3, .clip_norm = 1e-3};
  options.optimizer = [](std::vector<Tensor> parameters, double lr) {
    return std::make_unique<Sgd>(std::move(parameters), SgdOptions{.lr = lr});
  };
  const Result moved = train(options, 1000);
  options.lr = 0;
  const Result still = train(options, 1000);
  double sum = 0;  // of squares of what moved, running statistics left out
  const auto add = [&](const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      sum += static_cast<double>(limbeck::sum(square(a[i] - b[i])).item());
    }
  };
  add(moved.student, still.student);
  add({moved.adaptor.begin(), moved.adaptor.begin() + 4},
      {still.adaptor.begin(), still.adaptor.begin() + 4});
  CHECK(std::sqrt(sum) == doctest::Approx(1e-3).epsilon(1e-3));
  CHECK(*moved.reports[0].gradient_norm > 1);
}

TEST_CASE("a training with adaptors that was stopped anywhere ends as one that never was") {
  const Result whole = train(options_for(""));
  for (const Index after : {1, 5, 7, 14}) {
    CAPTURE(after);
    const Folder folder;
    TrainOptions options = options_for(folder.file("c"));
    Index done = 0;
    options.checkpoint.stop = [&] { return ++done == after; };
    CHECK_THROWS_AS(train(options), Stopped);
    const Result resumed = train(options_for(folder.file("c")));
    CHECK(same_weights(resumed.student, whole.student));
    CHECK(same_weights(resumed.adaptor, whole.adaptor));
    REQUIRE(resumed.reports.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(resumed.reports[i].loss == whole.reports[i].loss);
  }
}

TEST_CASE("lengths of gradients go on with a training, too") {
  const Dataset data = rows_of_light(35, 1);
  const auto run = [&](const std::string& file, Index stop_after) {
    Sequential teacher = perceptron(1), student = perceptron(2);
    TrainOptions options{.epochs = 2, .batch_size = 8};
    options.checkpoint.file = file;
    Index done = 0;
    options.checkpoint.stop = [&] { return ++done == stop_after; };
    return Distiller(teacher, student, true_classes() + soft_targets(2), {.gradient_every = 2})
        .fit(data, options);
  };
  const auto whole = run("", 0);
  for (const Index after : {3, 5, 8}) {
    const Folder folder;
    CHECK_THROWS_AS(run(folder.file("c"), after), Stopped);
    const auto resumed = run(folder.file("c"), 0);
    for (const std::size_t epoch : {0U, 1U}) {
      for (const std::size_t term : {0U, 1U}) {
        CHECK(resumed[epoch].terms[term].gradient == whole[epoch].terms[term].gradient);
        CHECK(whole[epoch].terms[term].gradient > 0);
      }
    }
  }
}

TEST_CASE("a length that is no number is told, after a stop too") {
  const Dataset data = rows_of_light(35, 1);
  // Past the first step it counts for nothing, and has the gradient 0 / √0.
  const Term steep{.name = "steep",
                   .value =
                       [](const TermStep& s) {
                         return s.done == 0 ? mean(s.student) : mean(sqrt(s.student * 0));
                       },
                   .weight = [](double done) { return done == 0 ? 1.0 : 0.0; },
                   .uses_teacher = false};
  const auto run = [&](const std::string& file, Index stop_after) {
    Sequential student = perceptron(2);
    TrainOptions options{.epochs = 2, .batch_size = 8};
    options.checkpoint.file = file;
    Index done = 0;
    options.checkpoint.stop = [&] { return ++done == stop_after; };
    return fit(student, data, options, true_classes() + steep,
               {.gradient_every = 1, .self_check = false});
  };
  const Folder folder;
  CHECK_THROWS_AS(run(folder.file("c"), 3), Stopped);
  for (const auto& reports : {run("", 0), run(folder.file("c"), 0)}) {
    for (const EpochReport& report : reports) {
      CHECK(report.terms[0].gradient > 0);
      CHECK(std::isnan(report.terms[1].gradient));
      CHECK(std::ranges::count(numbers_of(report), "steep-gradient", &ReportNumber::name) == 1);
    }
  }
}

TEST_CASE("a training of another objective is refused") {
  const Folder folder;
  train(options_for(folder.file("c")));
  CHECK(contains(error_of([&] { train(options_for(folder.file("c")), 3); }),
                 "loss is labels + 2 * hint(2, 2) there and labels + 3 * hint(2, 2) here"));
  CHECK(contains(error_of([&] { train(options_for(folder.file("c")), 2, "1"); }),
                 "labels + 2 * hint(1, 2) here"));
  CHECK(error_of([&] { train(options_for(folder.file("c"))); }) == "(no error)");
}
