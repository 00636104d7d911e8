// Trainings one after another: what each learns from, and how a chain that was stopped goes on.
#include "nn/distill/chain.h"

#include "nn/batch_norm.h"
#include "nn/distill/ensemble.h"
#include "nn/distill/methods/ema.h"
#include "nn/dropout.h"
#include "nn/weights.h"
#include "tests/data/idx_files.h"
#include "tests/nn/distill/terms.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Everything that a chain may have: a teacher that learns first, from nobody; an assistant with
// dropout, by a hint whose adaptor has statistics and a generator; a student held to its own
// average, which then goes on by labels alone.
struct Family {
  Sequential teacher = perceptron(1, {16, 12, 4}), assistant = perceptron(2, {16, 8, 4}, 0.2),
             student = perceptron(3, {16, 8, 4}, 0.2);
  Term hint = hint_between("2", "2"), average = ema(student, {.decay = 0.9});

  Family() {
    const auto adaptor = std::static_pointer_cast<Sequential>(hint.modules[0]);
    hint.prepare = [=](const TermShapes&, Rng& rng) {
      *adaptor = Sequential(BatchNorm1d({.channels = 8}), Dropout({.p = 0.3}, rng),
                            Linear({.in = 8, .out = 12}, rng));
    };
  }

  std::vector<ChainStep> steps(const TrainOptions& options) {
    TrainOptions in_views = options;
    in_views.augment = random_shift(1);
    in_views.views = 2;
    in_views.weight_average = 0.9;
    return {
        {.name = "teacher", .student = &teacher, .objective = true_classes(), .options = options},
        {.name = "assistant",
         .student = &assistant,
         .from = &teacher,
         .objective = true_classes() + 2 * hint,
         .options = in_views},
        {.name = "student",
         .student = &student,
         .from = &assistant,
         .objective = soft_targets(2) + average,
         .options = options},
        {.name = "student-on-labels",
         .student = &student,
         .objective = true_classes(),
         .options = options}};
  }

  // All that was learned.
  std::vector<Tensor> state() {
    std::vector<Tensor> all;
    for (const Module* const part :
         {static_cast<Module*>(&teacher), static_cast<Module*>(&assistant),
          static_cast<Module*>(&student), hint.modules[0].get(), average.modules[0].get()}) {
      for (const NamedTensor& tensor : named_state(*part)) all.push_back(tensor.tensor.clone());
    }
    return all;
  }
};

const TrainOptions three_epochs{.epochs = 3, .batch_size = 8, .lr = 0.01, .seed = 3};
constexpr Index steps_a_training = 15;  // 5 batches of 35 images

}  // namespace

TEST_CASE("a chain does what its trainings do one by one") {
  const Dataset data = rows_of_light(35, 1);
  Family chained, by_hand;
  std::vector<std::string> names;
  const auto on_step = [&](const ChainStep& step, const std::vector<EpochReport>& reports) {
    names.push_back(step.name);
    CHECK(reports.size() == 3);
  };
  const auto reports = Chain(chained.steps(three_epochs), {.on_step = on_step}).fit(data);
  CHECK(names == std::vector<std::string>{"teacher", "assistant", "student", "student-on-labels"});
  const auto steps = by_hand.steps(three_epochs);
  train_classifier(by_hand.teacher, data, three_epochs);
  const auto assistants =
      Distiller(by_hand.teacher, by_hand.assistant, steps[1].objective).fit(data, steps[1].options);
  Distiller(by_hand.assistant, by_hand.student, steps[2].objective).fit(data, steps[2].options);
  train_classifier(by_hand.student, data, three_epochs);
  CHECK(same_weights(chained.state(), by_hand.state()));
  REQUIRE(reports.size() == 4);
  CHECK(reports[1].back().loss == assistants.back().loss);
  CHECK(reports[2].back().term("ema") >= 0);
  CHECK(chained.teacher.name() == "teacher");
  CHECK(chained.student.name() == "student");
}

TEST_CASE("a chain that was stopped anywhere ends as one that never was") {
  const Dataset data = rows_of_light(35, 1);
  Family whole;
  const auto reports = Chain(whole.steps(three_epochs)).fit(data);
  for (const Index after : {3, 15, 16, 22, 37, 45, 51, 59}) {
    CAPTURE(after);
    const Folder folder;
    Index taken = 0;
    Family stopped, resumed;
    const auto stop = [&] { return ++taken == after; };
    CHECK_THROWS_AS(
        Chain(stopped.steps(three_epochs), {.folder = folder.path(), .stop = stop}).fit(data),
        Stopped);
    const auto count = [&] { return ++taken < 0; };
    const auto rest =
        Chain(resumed.steps(three_epochs), {.folder = folder.path(), .stop = count}).fit(data);
    CHECK(taken == 4 * steps_a_training);  // none twice
    CHECK(same_weights(resumed.state(), whole.state()));
    for (std::size_t step = 0; step < 4; ++step) {
      REQUIRE(rest[step].size() == 3);
      for (std::size_t e = 0; e < 3; ++e) CHECK(rest[step][e].loss == reports[step][e].loss);
    }
    // The same networks go on as well as new ones.
    Chain(stopped.steps(three_epochs), {.folder = folder.path(), .stop = count}).fit(data);
    CHECK(taken == 4 * steps_a_training);
    CHECK(same_weights(stopped.state(), whole.state()));
  }
}

TEST_CASE("steps that patience ended are over, and an ensemble of them may teach") {
  const Dataset data = rows_of_light(60, 1);
  const Folder folder;
  std::vector<Tensor> learned;
  Index taken = 0;
  for (const std::uint64_t seed : {1U, 11U}) {
    Sequential one = perceptron(seed), two = perceptron(seed + 1), student = perceptron(seed + 2);
    Ensemble both({&one, &two}, {.averaging = Averaging::probabilities});
    TrainOptions patient{.epochs = 50, .batch_size = 8, .lr = 0.01, .seed = 3};
    patient.validation_split = 0.2;
    patient.patience = 2;
    Chain chain({{.name = "one", .student = &one, .objective = true_classes(), .options = patient},
                 {.name = "two",
                  .student = &two,
                  .from = &one,
                  .objective = soft_targets(1),
                  .options = patient},
                 {.name = "student",
                  .student = &student,
                  .from = &both,
                  .objective = soft_targets(2),
                  .options = three_epochs}},
                {.folder = folder.path(), .stop = [&] { return ++taken < 0; }});
    const auto reports = chain.fit(data);
    REQUIRE(reports[0].size() < 50);
    REQUIRE(reports[1].size() < 50);
    if (learned.empty()) learned = weights_of(student);
    CHECK(same_weights(weights_of(student), learned));
    const auto steps = 6 * static_cast<Index>(reports[0].size() + reports[1].size()) + 3 * 8;
    CHECK(taken == steps);  // the second time none
  }
}

TEST_CASE("where a step was changed those behind it are refused, and steps may be added") {
  const Dataset data = rows_of_light(35, 1);
  const auto error_with = [&](const std::string& folder, Index step) {
    Family family;
    auto steps = family.steps(three_epochs);
    if (step >= 0) steps[static_cast<std::size_t>(step)].options.epochs = 4;
    return error_of([&] { Chain(steps, {.folder = folder}).fit(data); });
  };
  const auto folder_of = [&](std::size_t number) {
    auto folder = std::make_unique<Folder>();
    Family family;
    auto steps = family.steps(three_epochs);
    steps.erase(steps.begin() + static_cast<std::ptrdiff_t>(number), steps.end());
    Chain(steps, {.folder = folder->path()}).fit(data);
    return folder;
  };
  const auto of_two = folder_of(2), of_four = folder_of(4);
  CHECK(error_with(of_two->path(), -1) == "(no error)");
  CHECK(std::filesystem::exists(of_two->file("student-on-labels.checkpoint")));
  CHECK(error_with(of_two->path(), 3) == "(no error)");  // only longer
  const std::string of_student = error_with(of_four->path(), 2);
  CHECK(contains(of_student, "student-on-labels.checkpoint: it belongs to another run"));
  CHECK(contains(of_student, "student at first is"));
  const std::string of_teacher = error_with(of_four->path(), 0);
  CHECK(contains(of_teacher, "assistant.checkpoint: it belongs to another run"));
  CHECK(contains(of_teacher, "teacher's weights is"));
}

TEST_CASE("a chain of steps that cannot be is refused") {
  Sequential a = perceptron(1), b = perceptron(2);
  const auto error_with = [](std::vector<ChainStep> steps) {
    return error_of([&] { Chain chain(std::move(steps)); });
  };
  const Objective labels = true_classes();
  CHECK(error_with({}) == "Chain: at least one step is needed");
  CHECK(error_with({{.name = "a/b", .student = &a, .objective = labels}}) ==
        "Chain: the name of step 1, \"a/b\", must be of letters, digits, '-' and '_'");
  CHECK(contains(error_with({{.name = "", .student = &a, .objective = labels}}), "step 1, \"\""));
  CHECK(error_with({{.name = "a", .student = nullptr, .objective = labels}}) ==
        "Chain: step \"a\" has no student");
  CHECK(error_with({{.name = "a", .student = &a, .from = &a, .objective = labels}}) ==
        "Chain: in step \"a\" a network teaches itself; ema() is a teacher of that kind");
  CHECK(error_with({{.name = "a", .student = &a, .objective = labels},
                    {.name = "a", .student = &b, .from = &a, .objective = labels}}) ==
        "Chain: two steps are named \"a\"");
}

TEST_CASE("a step may learn from images of its own, without labels") {
  const Dataset labelled = rows_of_light(20, 1);
  Dataset others = rows_of_light(60, 2);
  others.class_ids.assign(60, -1);
  Sequential teacher = perceptron(1), student = perceptron(2), by_hand = perceptron(2);
  std::vector<ChainStep> steps = {{.name = "teacher",
                                   .student = &teacher,
                                   .objective = true_classes(),
                                   .options = three_epochs},
                                  {.name = "student",
                                   .student = &student,
                                   .from = &teacher,
                                   .objective = soft_targets(2),
                                   .options = three_epochs,
                                   .transfer_set = &others}};
  Chain(steps).fit(labelled);
  Distiller(teacher, by_hand, soft_targets(2)).fit(others, three_epochs);
  CHECK(same_weights(weights_of(student), weights_of(by_hand)));
  // Where labels count it is refused, before the first step.
  const auto before = weights_of(teacher);
  steps[1].objective = soft_targets(2) + true_classes();
  CHECK(error_of([&] { Chain(steps).fit(labelled); }) ==
        "Chain: step \"student\": labels: image 0 of 60 has no label");
  steps[1].objective = soft_targets(2);
  steps[1].options.epochs = 1;
  steps[1].options.batch_size = 60;
  steps[1].options.schedule_of = [](Index total) { return one_cycle({.total = total}); };
  CHECK(
      error_of([&] { Chain(steps).fit(labelled); }) ==
      "Chain: step \"student\": one_cycle: the rise must be longer than one step and shorter than "
      "all; got 0.3 of 1 steps");
  CHECK(same_weights(weights_of(teacher), before));
}

TEST_CASE("an objective without a teacher trains a network by itself") {
  const Dataset data = rows_of_light(35, 1);
  Sequential by_terms = perceptron(1), by_labels = perceptron(1);
  const auto reports = fit(by_terms, data, three_epochs, true_classes());
  train_classifier(by_labels, data, three_epochs);
  CHECK(same_weights(weights_of(by_terms), weights_of(by_labels)));
  CHECK(reports.back().term("labels") > 0);
  CHECK(
      error_of([&] { fit(by_terms, data, three_epochs, true_classes() + soft_targets(2)); }) ==
      "fit: the term \"soft-targets\" asks for a teacher, and there is none: a Distiller has one");
  CHECK(contains(error_of([&] { fit(by_terms, data, three_epochs, hint_between("2", "2")); }),
                 "fit: the term \"hint\" asks for a teacher"));
}
