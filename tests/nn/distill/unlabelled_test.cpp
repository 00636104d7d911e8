// Distillation without labels, and without a teacher's answer: what counts for nothing is not
// needed.
#include <cmath>

#include "nn/distill/distiller.h"
#include "nn/models.h"
#include "nn/train/evaluate.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

Sequential small(std::uint64_t seed) {
  Rng rng(seed);
  return mlp({16, 8, 4}, {}, rng);
}

}  // namespace

TEST_CASE("at alpha = 0 a transfer set needs no labels, and gives the student that labels give") {
  const Dataset labelled = rows_of_light(40, 1), test = rows_of_light(20, 2);
  Dataset unknown = labelled, none = labelled, half = labelled;
  std::ranges::fill(unknown.class_ids, -1);
  none.class_ids.clear();
  for (std::size_t i = 0; i < 20; ++i) half.class_ids[i] = -1;
  CHECK(none.size() == 40);
  const auto student_of = [&](const Dataset& data, bool from_logits) {
    Sequential teacher = small(1), student = small(2);
    const TrainOptions options{.epochs = 2, .batch_size = 16, .test = &test};
    const DistillationOptions soft{.temperature = 3, .alpha = 0};
    const auto reports =
        from_logits ? distill_from_logits(logits_of(teacher, data), student, data, soft, options)
                    : Distiller(teacher, student, soft).fit(data, options);
    for (const EpochReport& report : reports) {
      CHECK(std::isnan(report.term("hard")) == (&data == &unknown || &data == &none));
      CHECK(std::isfinite(report.loss));
      if (std::isnan(report.term("hard"))) {
        for (const std::string& warning : report.warnings) {
          CHECK_FALSE(contains(warning, "the loss on the labels"));
        }
      }
    }
    return weights_of(student);
  };
  const std::vector<Tensor> expected = student_of(labelled, false);
  for (const Dataset* data : {&unknown, &none, &half}) {
    for (const bool from_logits : {false, true}) {
      CHECK(same_weights(student_of(*data, from_logits), expected));
    }
  }
}

TEST_CASE("where labels count, an image without one is an error before anything begins") {
  Dataset data = rows_of_light(40, 1);
  data.class_ids[7] = -1;
  Sequential teacher = small(1), student = small(2);
  const std::vector<Tensor> before = weights_of(student);
  CHECK(error_of([&] { Distiller(teacher, student, {}).fit(data, {}); }) ==
        "Distiller: image 7 of 40 has no label");
  CHECK(error_of([&] { distill_from_logits(logits_of(teacher, data), student, data, {}, {}); }) ==
        "distill_from_logits: image 7 of 40 has no label");
  CHECK(error_of([&] { train_classifier(student, data, {}); }) ==
        "train: image 7 of 40 has no label");
  CHECK(error_of([&] { count_errors(student, data); }) ==
        "count_errors: image 7 of 40 has no label");
  const Dataset good = rows_of_light(40, 1);
  CHECK(contains(error_of([&] { train_classifier(student, good, {.test = &data}); }),
                 "on the test set: image 7 of 40 has no label"));
  CHECK(same_weights(weights_of(student), before));
  const Tensor z = Tensor::zeros({2, 4});
  const std::vector<std::int32_t> ids = {1, -1}, wrong = {1, -2};
  CHECK(contains(error_of([&] { distillation_loss(z, z, ids, {.alpha = 0.5}); }),
                 "images without need alpha = 0"));
  CHECK(contains(error_of([&] { distillation_loss(z, z, wrong, {.alpha = 0}); }), "label -2"));
}

TEST_CASE("the hard loss is that of the labelled images") {
  const Tensor z = random_tensor({3, 4}, 1), v = random_tensor({3, 4}, 2);
  const std::vector<std::int32_t> some = {1, -1, 3}, all = {1, 0, 3};
  const DistillationOptions soft{.temperature = 2, .alpha = 0};
  const Tensor log_q = log_softmax(z);
  const double expected = -static_cast<double>(log_q.values()[1] + log_q.values()[11]) / 2;
  const DistillationLoss loss = distillation_loss(z, v, some, soft);
  CHECK(loss.hard == doctest::Approx(expected));
  CHECK(loss.total.item() == distillation_loss(z, v, all, soft).total.item());
}

TEST_CASE(
    "at alpha = 1 the teacher is not asked about the transfer set, and the student is plain") {
  const Dataset data = rows_of_light(40, 1);
  Index asked = 0;
  Sequential teacher([&](const Tensor&x) { return asked += x.dim(0), x; }), inner = small(1);
  teacher.add(std::move(inner));
  for (const bool augmented : {false, true}) {
    Sequential student = small(2), plain = small(2);
    TrainOptions options{.epochs = 2, .batch_size = 16};
    if (augmented) options.augment = random_shift(1);
    asked = 0;
    const auto reports = Distiller(teacher, student, {.alpha = 1}).fit(data, options);
    CHECK(asked == 1);  // for the number of its classes
    CHECK(std::isnan(reports.back().term("soft")));
    train_classifier(plain, data, options);
    CHECK(same_weights(weights_of(student), weights_of(plain)));
  }
}

TEST_CASE("a teacher that answers with what is no number is named, however it is asked") {
  const Dataset data = rows_of_light(40, 1);
  for (const int how : {0, 1, 2}) {  // once, about every batch, about views
    Sequential teacher = small(1), student = small(2);
    teacher.add([](const Tensor& z) {
      Tensor odd = z.clone();
      if (z.dim(0) > 1) odd.values()[4] = NAN;
      return odd;
    });
    TrainOptions options{.epochs = 1, .batch_size = 16};
    if (how > 0) options.augment = random_shift(1);
    if (how == 2) options.views = 2;
    const std::string error = error_of([&] { Distiller(teacher, student, {}).fit(data, options); });
    CHECK(contains(error, "Distiller: the teacher's logits for image "));
    CHECK(contains(error, "have nan: they must be finite"));
  }
}
