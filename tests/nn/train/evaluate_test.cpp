// Judging a model: logits, decisions, errors, agreement.
#include "nn/train/evaluate.h"

#include "nn/models.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("logits come for every image, in order, without dropout and gradients") {
  const Dataset data = rows_of_light(1003, 1);  // three parts, the last of them small
  Rng rng(1);
  Sequential model = mlp({16, 8, 4}, {.dropout = 0.5}, rng);
  model[0].eval();
  const Tensor logits = logits_of(model, data);
  CHECK(logits.shape() == Shape{1003, 4});
  CHECK_FALSE(logits.wants_grad());
  CHECK_FALSE(model[0].is_training());
  CHECK(model[3].is_training());
  model.eval();
  for (const Index i : {0, 499, 500, 1002}) {
    CAPTURE(i);
    const Tensor alone = model(make_batch(data, std::span(&i, 1)).images);
    CHECK(difference(slice_rows(logits, i, i + 1), alone) < 1e-5);
  }
  CHECK(predict(model, data) == argmax_last(logits));
}

TEST_CASE("errors are decisions that differ from the label") {
  const Dataset data = rows_of_light(6, 1);  // labels 0 1 2 3 0 1
  const std::vector<std::int32_t> decisions = {0, 1, 3, 3, 1, 1};
  CHECK(count_errors(decisions, data) == 2);
  // A model that decides for the row with the most light makes none.
  Sequential rows([](const Tensor& x) { return reshape(sum_last(reshape(x, {-1, 4})), {-1, 4}); });
  const Dataset more = rows_of_light(200, 2);
  CHECK(count_errors(rows, more) == count_errors(predict(rows, more), more));
  CHECK(count_errors(rows, more) < 100);
  CHECK(error_of([&] { count_errors(decisions, more); }) ==
        "count_errors: 6 decisions for 200 images");
}

TEST_CASE("a confusion matrix counts labels by rows and decisions by columns") {
  const Dataset data = rows_of_light(6, 1);  // labels 0 1 2 3 0 1
  using Rows = std::vector<std::vector<Index>>;
  CHECK(confusion_matrix(std::vector<std::int32_t>{0, 1, 3, 3, 1, 1}, data) ==
        Rows{{1, 1, 0, 0}, {0, 2, 0, 0}, {0, 0, 0, 1}, {0, 0, 0, 1}});
  const auto complaint = [&](const std::vector<std::int32_t>& decisions) {
    return error_of([&] { confusion_matrix(decisions, data); });
  };
  CHECK(complaint({0}) == "confusion_matrix: 1 decisions for 6 images");
  CHECK(complaint({0, 1, 2, 3, 0, 4}) ==
        "confusion_matrix: the decision 4 for image 5 is none of 4 classes");
  CHECK(complaint({0, 1, 2, 3, 0, -1}) ==
        "confusion_matrix: the decision -1 for image 5 is none of 4 classes");
}

TEST_CASE("agreement is the share of like decisions, right or wrong") {
  const std::vector<std::int32_t> a = {0, 1, 2, 3}, b = {0, 1, 2, 0}, c = {1, 2, 3, 0}, one = {0};
  CHECK(agreement(a, a) == 1);
  CHECK(agreement(a, b) == 0.75);
  CHECK(agreement(a, c) == 0);
  CHECK(contains(error_of([&] { agreement(a, one); }), "got 4 and 1"));
  CHECK(contains(error_of([] { agreement({}, {}); }), "got 0 and 0"));
}

TEST_CASE("an empty dataset is refused") {
  Sequential model{Flatten()};
  CHECK(error_of([&] { logits_of(model, rows_of_light(0, 1)); }) ==
        "logits_of: the dataset is empty");
}

TEST_CASE("a model that gives other than a row of logits an image is told so") {
  const Dataset images = rows_of_light(6, 1);
  Sequential many([](const Tensor& x) { return concat_rows({flatten(x), flatten(x)}); });
  CHECK(
      error_of([&] { logits_of(many, images); }) ==
      "logits_of: the model must give logits (N, C), a row an image; of 6 images it gave (12, 16)");
  Dataset short_of_pixels = images;
  short_of_pixels.pixels.resize(10);
  CHECK(contains(error_of([&] { logits_of(many, short_of_pixels); }), "the dataset has 10 pixels"));
}
