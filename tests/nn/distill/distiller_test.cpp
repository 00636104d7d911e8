// The Distiller: what it does with the teacher, what it reports, what it refuses.
#include "nn/distill/distiller.h"

#include "nn/models.h"
#include "nn/train/evaluate.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// A network that keeps a copy of every batch of images it is shown.
struct Watched {
  explicit Watched(std::uint64_t seed, double dropout = 0) {
    Rng rng(seed);
    net.add([this](const Tensor& x) { return seen.push_back(x.clone()), x; });
    net.add(mlp({16, 8, 4}, {.dropout = dropout}, rng));
  }
  Index images() const {
    Index n = 0;
    for (const Tensor& batch : seen) n += batch.dim(0);
    return n;
  }

  std::vector<Tensor> seen;
  Sequential net;
};

}  // namespace

TEST_CASE("the teacher is given back as it was found") {
  const Dataset data = rows_of_light(30, 1);
  for (const bool augmented : {false, true}) {
    CAPTURE(augmented);
    Rng rng(1);
    Sequential teacher = mlp({16, 8, 8, 4}, {.dropout = 0.5}, rng);
    Sequential student = mlp({16, 4}, {}, rng);
    teacher[3].eval();  // one of two dropouts; the rest is in training mode, where models begin
    std::vector<bool> modes;
    for (Module* part : teacher.modules()) modes.push_back(part->is_training());
    const std::vector<Tensor> before = weights_of(teacher);

    TrainOptions options{.epochs = 2, .batch_size = 8, .test = &data};
    if (augmented) options.augment = random_shift(1);
    Distiller(teacher, student, {}).fit(data, options);

    std::vector<bool> modes_after;
    for (Module* part : teacher.modules()) modes_after.push_back(part->is_training());
    CHECK(modes_after == modes);
    CHECK(same_weights(weights_of(teacher), before));
    for (const Tensor& parameter : teacher.parameters()) {
      CHECK_FALSE(parameter.has_grad());
      CHECK(parameter.wants_grad());  // it may be trained on
    }
  }
}

TEST_CASE("the teacher is given back as it was found after an error too") {
  const Dataset data = rows_of_light(30, 1);
  Rng rng(1);
  Sequential teacher = mlp({16, 8, 4}, {.dropout = 0.5}, rng), student = mlp({16, 4}, {}, rng);
  TrainOptions options;
  options.on_batch = [](const Progress&) { fail("test", "enough"); };
  CHECK(error_of([&] { Distiller(teacher, student, {}).fit(data, options); }) == "test: enough");
  for (Module* part : teacher.modules()) CHECK(part->is_training());
}

TEST_CASE("a teacher left in training mode answers without its dropout all the same") {
  // A student with the same weights, at a learning rate of 0: the two agree to the last digit.
  const Dataset data = rows_of_light(30, 1);
  Rng rng(1);
  Sequential teacher = mlp({16, 8, 4}, {.dropout = 0.5}, rng), student = mlp({16, 8, 4}, {}, rng);
  for (std::size_t i = 0; i < student.parameters().size(); ++i) {
    std::ranges::copy(teacher.parameters()[i].values(), student.parameters()[i].values().begin());
  }
  TrainOptions options{.epochs = 1, .batch_size = 10, .lr = 0, .test = &data};
  const auto soft_and_agreement = [&] {
    const EpochReport report = Distiller(teacher, student, {}).fit(data, options).back();
    CHECK(std::abs(report.term("soft")) < 1e-6);
    CHECK(report.agreement.value() == 1);
  };
  soft_and_agreement();
  options.augment = random_shift(1);
  soft_and_agreement();
}

TEST_CASE("on a fixed transfer set the teacher is asked once an image, whatever the epochs") {
  const Dataset data = rows_of_light(30, 1), test = rows_of_light(20, 2);
  for (const Index epochs : {1, 5}) {
    Watched teacher(1), student(2);
    Distiller distiller(teacher.net, student.net, {});
    distiller.fit(data, {.epochs = epochs, .batch_size = 7});
    // And once more the first, to see how many classes there are.
    CHECK(teacher.images() == 30 + 1);
    CHECK(student.images() == 30 * epochs + 1);
    teacher.seen.clear();
    distiller.fit(data, {.epochs = epochs, .test = &test});
    CHECK(teacher.images() == 30 + 1 + 20);
  }
}

TEST_CASE("the kept answers are those to the very images of the batch") {
  // Learning from what was kept or, with an augmentation that changes nothing, from what is asked
  // anew: the same numbers but for rounding.
  const Dataset data = rows_of_light(30, 1);
  const auto run = [&](const Augmentation& augment) {
    Watched teacher(1), student(2);
    TrainOptions options{.epochs = 3, .batch_size = 7, .lr = 0.01, .seed = 5};
    options.augment = augment;
    return Distiller(teacher.net, student.net, {.temperature = 2, .alpha = 0})
        .fit(data, options)
        .back()
        .term("soft");
  };
  const double kept = run({});
  CHECK(kept > 0);
  CHECK(kept == doctest::Approx(run(random_shift(0))).epsilon(1e-4));
}

TEST_CASE("with augmentation the teacher sees each epoch's images as the student does") {
  const Dataset data = rows_of_light(30, 1);
  Watched teacher(1, 0.5), student(2, 0.5);
  TrainOptions options{.epochs = 2, .batch_size = 30};
  options.augment = random_shift(1);
  Distiller(teacher.net, student.net, {}).fit(data, options);
  REQUIRE(teacher.seen.size() == 3);  // one image for the number of classes, then the epochs
  REQUIRE(student.seen.size() == 3);
  for (const std::size_t epoch : {1U, 2U}) {
    CHECK(same_bits(teacher.seen[epoch], student.seen[epoch]));
  }
  // Shifted differently in the two epochs: not even the sum of all light stays.
  CHECK(sum(teacher.seen[1]).item() != sum(teacher.seen[2]).item());
}

TEST_CASE("where the same changes come again, the teacher is asked about each once") {
  const Dataset data = rows_of_light(30, 1);
  const auto soft = [&](Index views, Index epochs, Index asked) {
    Watched teacher(1), student(2);
    TrainOptions options{.epochs = epochs, .batch_size = 7, .lr = 0.01, .views = views, .seed = 5};
    options.augment = random_shift(1);
    const auto reports =
        Distiller(teacher.net, student.net, {.temperature = 2, .alpha = 0}).fit(data, options);
    CHECK(teacher.images() == 1 + 30 * asked);
    CHECK(student.images() == 1 + 30 * epochs);
    return reports.back().term("soft");
  };
  soft(2, 1, 1);
  soft(2, 2, 2);
  soft(0, 5, 5);
  // Were the answers kept those to other images, the student would not come near its teacher.
  const double kept = soft(2, 200, 2);
  CHECK(kept < 0.1 * soft(2, 1, 1));
}

TEST_CASE("reports tell the weighted loss, its two terms, errors and agreement") {
  const Dataset data = rows_of_light(60, 1), test = rows_of_light(40, 2);
  Rng rng(1);
  Sequential teacher = mlp({16, 32, 4}, {}, rng), student = mlp({16, 8, 4}, {}, rng);
  train_classifier(teacher, data, {.epochs = 10, .batch_size = 10, .lr = 0.02});
  student.eval();
  std::vector<double> announced;
  TrainOptions options{.epochs = 6, .batch_size = 10, .lr = 0.02, .test = &test};
  options.on_epoch = [&](const EpochReport& report) { announced.push_back(report.loss); };
  const auto reports =
      Distiller(teacher, student, {.temperature = 3, .alpha = 0.25}).fit(data, options);
  REQUIRE(reports.size() == 6);
  REQUIRE(announced.size() == 6);
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const EpochReport& r = reports[i];
    CHECK(r.loss == announced[i]);
    CHECK(r.loss == doctest::Approx(0.25 * r.term("hard") + 0.75 * r.term("soft")).epsilon(1e-5));
    CHECK(r.term("soft") > 0);
    CHECK(r.agreement.value() >= 0);
    CHECK(r.agreement.value() <= 1);
  }
  CHECK(reports.back().loss < reports.front().loss);
  CHECK(reports.back().errors.value() == count_errors(student, test));
  CHECK(reports.back().agreement.value() ==
        agreement(predict(student, test), predict(teacher, test)));
  CHECK_FALSE(student.is_training());  // as it was found
}

TEST_CASE("one seed gives one student to the bit, another seed another") {
  const Dataset data = rows_of_light(50, 1);
  for (const bool augmented : {false, true}) {
    CAPTURE(augmented);
    const auto run = [&](std::uint64_t seed) {
      Rng rng(1);
      Sequential teacher = mlp({16, 40, 4}, {.dropout = 0.5}, rng);
      Sequential student = mlp({16, 40, 4}, {.dropout = 0.2}, rng);
      TrainOptions options{.epochs = 3, .batch_size = 16, .lr = 0.01, .seed = seed};
      if (augmented) options.augment = random_shift(1);
      Distiller(teacher, student, {}).fit(data, options);
      return weights_of(student);
    };
    const std::vector<Tensor> first = run(7);
    CHECK(same_weights(run(7), first));
    CHECK_FALSE(same_weights(run(8), first));
  }
}

TEST_CASE("a student of other classes than its teacher is refused") {
  const Dataset data = rows_of_light(8, 1);
  Rng rng(1);
  Sequential teacher = mlp({16, 4}, {}, rng), student = mlp({16, 3}, {}, rng);
  CHECK(error_of([&] { Distiller(teacher, student, {}).fit(data, {}); }) ==
        "Distiller: the teacher tells 4 classes apart and the student 3; both must have the same");
  CHECK(contains(error_of([&] { Distiller(teacher, student, {.temperature = 0}); }),
                 "Distiller: the temperature must be a positive number"));
  CHECK(contains(error_of([&] { Distiller(teacher, student, {.alpha = 2}); }), "got 2"));
}

TEST_CASE("from logits that are there already a student learns what it learns from their teacher") {
  const Dataset data = rows_of_light(30, 1);
  const auto student_of = [&](bool stored) {
    Rng rng(1);
    Sequential teacher = mlp({16, 8, 4}, {}, rng), student = mlp({16, 8, 4}, {}, rng);
    const TrainOptions options{.epochs = 3, .batch_size = 7, .seed = 5};
    const DistillationOptions how{.temperature = 3, .alpha = 0.2};
    const auto reports =
        stored ? distill_from_logits(logits_of(teacher, data), student, data, how, options)
               : Distiller(teacher, student, how).fit(data, options);
    CHECK(reports.back().term("soft") > 0);
    return weights_of(student);
  };
  CHECK(same_weights(student_of(true), student_of(false)));
}

TEST_CASE("distilling from logits refuses what does not belong together") {
  const Dataset data = rows_of_light(8, 1);
  Rng rng(1);
  Sequential student = mlp({16, 4}, {}, rng);
  const auto refusal = [&](const Shape& logits, const TrainOptions& options) {
    return error_of(
        [&] { distill_from_logits(Tensor::zeros(logits), student, data, {}, options); });
  };
  CHECK(
      contains(refusal({7, 4}, {}), "a row of logits is needed for each of 8 images; got (7, 4)"));
  CHECK(contains(refusal({8, 3}, {}), "tells 3 classes apart and the student 4"));
  TrainOptions augmented;
  augmented.augment = random_shift(1);
  CHECK(contains(refusal({8, 4}, augmented), "augmentation would change the images"));
}

TEST_CASE("T can move from one temperature to another while the student learns") {
  const TemperatureSchedule falling = anneal_temperature(16, 1);
  CHECK(falling(0) == 16);
  CHECK(falling(0.5) == doctest::Approx(4));
  CHECK(falling(1) == doctest::Approx(1));
  CHECK(contains(error_of([] { anneal_temperature(4, 0); }), "must be a positive number"));

  // At a learning rate of 0 the soft term of each epoch is that of its temperature.
  const Dataset data = rows_of_light(20, 1);
  Rng rng(1);
  Sequential teacher = mlp({16, 8, 4}, {}, rng), student = mlp({16, 8, 4}, {}, rng);
  const TrainOptions options{.epochs = 2, .batch_size = 20, .lr = 0};  // a step an epoch
  const auto soft_at = [&](double t) {
    return Distiller(teacher, student, {.temperature = t}).fit(data, options).front().term("soft");
  };
  const auto steps = [](double done) { return done < 0.5 ? 2.0 : 7.0; };
  const auto reports = Distiller(teacher, student, {.temperature = 1}, steps).fit(data, options);
  CHECK(reports[0].term("soft") == doctest::Approx(soft_at(2)).epsilon(1e-5));
  CHECK(reports[1].term("soft") == doctest::Approx(soft_at(7)).epsilon(1e-5));
  CHECK(std::abs(soft_at(2) / soft_at(7) - 1) > 1e-3);
}

TEST_CASE("gather_rows takes rows in the order asked for") {
  const Tensor m = Tensor::from({3, 2}, {1, 2, 3, 4, 5, 6});
  const std::vector<Index> picks = {2, 0, 2}, far = {3};
  CHECK(difference(gather_rows(m, picks), {5, 6, 1, 2, 5, 6}) == 0);
  CHECK(error_of([&] { gather_rows(m, far); }) == "gather_rows: row 3 asked of (3, 2)");
}
