// Controls: what is left of a teacher's answer in them, in worked numbers and in whole trainings.
#include "nn/distill/methods/controls.h"

#include <map>

#include "nn/distill/methods/kd.h"
#include "nn/distill/methods/labels.h"
#include "nn/distill/self_check.h"
#include "nn/losses.h"
#include "tests/data/idx_files.h"
#include "tests/nn/distill/methods/step.h"
#include "tests/nn/distill/terms.h"

using namespace limbeck;
using namespace limbeck::testing;
using namespace limbeck::testing::worked;

namespace {

// The value of a term in an epoch, of images 0, 1, 2.
double value_in(const Term& term, Index epoch, const Tensor& student, const Tensor& teacher) {
  Batch batch;
  batch.class_ids = y;
  batch.indices = {0, 1, 2};
  return number(term.value({.batch = batch,
                            .student = student,
                            .teacher = teacher,
                            .done = 0,
                            .epoch = epoch,
                            .student_taps = {},
                            .teacher_taps = {}}));
}

}  // namespace

TEST_CASE("labels weighted by the teacher's confidence have their worked weights and value") {
  CHECK(number(cwtm_loss(z, v, y)) == near(1.340015135));
  const Tensor weights = worked::tensor({3, 1}, {0.360736241, 0.353572063, 0.285691695});
  Tensor onehot = Tensor::zeros({3, 5});
  for (std::size_t n = 0; n < 3; ++n) onehot.values()[5 * n + static_cast<std::size_t>(y[n])] = 1;
  const Tensor dz = gradient(z, [](const Tensor& x) { return cwtm_loss(x, v, y); });
  CHECK(difference(dz, (softmax(z) - onehot) * weights) < tolerance);
  // A teacher that is as sure of each: its weights are all alike.
  CHECK(number(cwtm_loss(z, Tensor::zeros({3, 5}), y)) == near(number(cross_entropy(z, y))));
  CHECK(error_of([] { cwtm_loss(z, v, std::vector<std::int32_t>{1, 2, 5}); }).starts_with("cwtm"));
  CHECK(contains(error_of([] { cwtm_loss(z, row(v, 0), y); }), "both need the same cases"));
}

TEST_CASE("permuted answers keep the largest in its place, and the others as a set") {
  const Tensor before = v.clone();
  const std::vector<Index> numbers = {7, 8, 9};
  const Tensor permuted = permute_others(v, Rng(1), numbers);
  CHECK(same_bits(v, before));
  for (std::size_t n = 0; n < 3; ++n) {
    const auto was = v.values().subspan(5 * n, 5), is = permuted.values().subspan(5 * n, 5);
    CHECK(std::ranges::is_permutation(was, is));
    const auto top = std::ranges::max_element(was) - was.begin();
    CHECK(std::ranges::max_element(is) - is.begin() == top);
  }
  // A row's order is its number's, wherever it stands and whoever asks.
  const std::vector<Index> turned = {9, 7, 8};
  const Tensor of_turned =
      permute_others(gather_rows(v, std::vector<Index>{2, 0, 1}), Rng(1), turned);
  CHECK(same_bits(gather_rows(of_turned, std::vector<Index>{1, 2, 0}), permuted));
  CHECK_FALSE(same_bits(permute_others(v, Rng(2), numbers), permuted));
  // Nothing to permute: one other class, or none.
  const Tensor two = worked::tensor({1, 2}, {1, 3}), single = worked::tensor({1, 1}, {1});
  CHECK(same_bits(permute_others(two, Rng(1), std::vector<Index>{0}), two));
  CHECK(same_bits(permute_others(single, Rng(1), std::vector<Index>{0}), single));
  CHECK(error_of([] { permute_others(v, Rng(1), std::vector<Index>{0}); }) ==
        "permute_others: a number is needed for each of 3 rows; got 1");
}

TEST_CASE("all orders of the others are equally likely") {
  constexpr Index rows = 6000;
  Tensor alike = Tensor::empty({rows, 4});
  std::vector<Index> numbers;
  for (Index n = 0; n < rows; ++n) {
    numbers.push_back(n);
    for (Index j = 0; j < 4; ++j) alike.data()[4 * n + j] = static_cast<real>(j == 1 ? 9 : j);
  }
  const Tensor permuted = permute_others(alike, Rng(3), numbers);
  std::map<std::vector<real>, int> count;
  for (Index n = 0; n < rows; ++n) {
    const real* const row = std::as_const(permuted).data() + 4 * n;
    ++count[{row[0], row[2], row[3]}];
  }
  REQUIRE(count.size() == 6);
  for (const auto& entry : count) CHECK(std::abs(entry.second - 1000) < 120);  // four deviations
}

TEST_CASE("dark knowledge with permuted predictions is kd from permuted answers, anew each epoch") {
  Term term = dkpp({.temperature = 2});
  Rng rng(5);
  term.prepare({.classes = 5, .student_taps = {}, .teacher_taps = {}}, rng);
  const auto expected = [&](std::uint64_t epoch) {
    const std::vector<Index> images = {0, 1, 2};
    return number(kd_loss(z, permute_others(v, Rng(5).child(epoch), images), {.temperature = 2}));
  };
  CHECK(value_in(term, 1, z, v) == expected(1));
  CHECK(value_in(term, 1, z, v) == value_in(term, 1, z, v));
  CHECK(value_in(term, 2, z, v) == expected(2));
  CHECK(expected(1) != expected(2));
  CHECK(term.description == "dkpp(T=2)");
}

TEST_CASE("controls compute what they promise") {
  check_objective(0.5 * cwtm() + dkpp() + labels({.where_known = true}), 4);
  check_objective(dkpp({.temperature = 3}), 10);
}

TEST_CASE("a training by permuted answers that was stopped anywhere ends as one that never was") {
  const Dataset data = rows_of_light(35, 1);
  const auto learn = [&](const std::string& file, Index stop_after) {
    Sequential teacher = perceptron(1), student = perceptron(2);
    TrainOptions options{.epochs = 3, .batch_size = 8, .lr = 0.01, .seed = 3};
    options.checkpoint.file = file;
    Index done = 0;
    options.checkpoint.stop = [&] { return ++done == stop_after; };
    Distiller(teacher, student, cwtm() + dkpp()).fit(data, options);
    return weights_of(student);
  };
  const auto whole = learn("", 0);
  for (const Index after : {3, 5, 12}) {
    const Folder folder;
    CHECK_THROWS_AS(learn(folder.file("c"), after), Stopped);
    CHECK(same_weights(learn(folder.file("c"), 0), whole));
  }
}

TEST_CASE("labels count where they are known, each the same whatever stands beside it") {
  const Term known = labels({.where_known = true}),
             smooth = labels({.label_smoothing = 0.2, .where_known = true});
  const auto value = [](const Term& term, const std::vector<std::int32_t>& ids) {
    return number(value_of(term, z, {}, ids));
  };
  const std::vector<std::int32_t> second = {2};
  CHECK(value(known, y) == near(number(cross_entropy(z, y))));
  CHECK(value(smooth, y) == near(number(cross_entropy(z, y, {.label_smoothing = 0.2}))));
  CHECK(value(known, {-1, 2, -1}) == near(number(cross_entropy(row(z, 1), second)) / 3));
  CHECK(value(known, {-1, -1, -1}) == 0);
  const std::vector<std::int32_t> some = {-1, 2, 0};
  const Tensor dz = gradient(z, [&](const Tensor& x) { return value_of(known, x, {}, some); });
  const Tensor all = gradient(z, [](const Tensor& x) { return cross_entropy(x, y); });
  for (std::size_t i = 0; i < 15; ++i) {
    CHECK(dz.values()[i] == near(i < 5 ? 0 : static_cast<double>(all.values()[i])));
  }
  CHECK(contains(error_of([&] { value(known, {0, 1, 5}); }), "a label of the classes, or −1"));
  CHECK(error_of([] { labels({.label_smoothing = 2}); }) ==
        "labels: label_smoothing must be in [0, 1]; got 2");
  // Labels of ten images, and a teacher for all.
  Dataset data = rows_of_light(35, 1);
  std::fill(data.class_ids.begin() + 10, data.class_ids.end(), -1);
  Sequential teacher = perceptron(1), student = perceptron(2);
  const TrainOptions options{.epochs = 2, .batch_size = 8, .lr = 0.01};
  CHECK(Distiller(teacher, student, known + kd()).fit(data, options).back().term("labels") > 0);
  CHECK(contains(error_of([&] { Distiller(teacher, student, labels() + kd()).fit(data, options); }),
                 "image 10 of 35 has no label"));
  TrainOptions mixed = options;
  mixed.mix = mixup({});
  const auto error = [&](const TrainOptions& how) {
    return error_of([&] { Distiller(teacher, student, known + kd()).fit(data, how); });
  };
  CHECK(contains(error(mixed), "mixed images have no label to learn"));
  std::ranges::fill(data.class_ids, -1);
  CHECK(contains(error(options), "has labels where they are known; no image has one"));
}
