// Trainings of several processes. Tests named "among ranks" are run by mpirun, from the last one
// of this file, which is passed over with a line where there is none.
#include "nn/train/ranks.h"

#include <functional>
#include <numeric>

#include "apps/common/memory.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/distill/distiller.h"
#include "nn/distill/mutual_learning.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/models.h"
#include "nn/relu.h"
#include "nn/sequential.h"
#include "nn/train/gradient_sums.h"
#include "nn/train/trainer.h"
#include "nn/weights.h"
#include "optim/sgd.h"
#include "tests/nn/train/among.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

constexpr double tolerance = sizeof(real) == 4 ? 1e-6 : 1e-12;

// |a − b| / |b| of all parameters and buffers together.
double distance(const Module& a, const Module& b) {
  const std::vector<NamedTensor> of_a = named_state(a), of_b = named_state(b);
  double apart = 0, length = 0;
  REQUIRE(of_a.size() == of_b.size());
  for (std::size_t t = 0; t < of_a.size(); ++t) {
    for (std::size_t i = 0; i < of_a[t].tensor.values().size(); ++i) {
      const auto x = static_cast<double>(of_a[t].tensor.values()[i]);
      const auto y = static_cast<double>(of_b[t].tensor.values()[i]);
      apart += (x - y) * (x - y), length += y * y;
    }
  }
  return std::sqrt(apart / length);
}

using Make = std::function<Sequential()>;
using Train = std::function<std::vector<EpochReport>(Sequential&, const TrainOptions&)>;

Sequential small_mlp(double dropout = 0) {
  Rng rng(3);
  return mlp({16, 12, 8, 4}, {.dropout = dropout}, rng);
}

Sequential small_cnn() {
  Rng rng(4);
  return Sequential(Conv2d({.in = 1, .out = 3, .kernel = 3, .padding = 1}, rng), ReLU(), Flatten(),
                    Linear({.in = 48, .out = 4}, rng));
}

Sequential small_with_batch_norm() {
  Rng rng(4);
  return Sequential(Conv2d({.in = 1, .out = 3, .kernel = 3, .padding = 1}, rng),
                    BatchNorm2d({.channels = 3}), ReLU(), Flatten(),
                    Linear({.in = 48, .out = 70}, rng), BatchNorm1d({.channels = 70}), ReLU(),
                    Linear({.in = 70, .out = 4}, rng));
}

TrainOptions usual() {
  TrainOptions options{.epochs = 1, .batch_size = 10, .lr = 0.05, .seed = 7};
  options.optimizer = [](std::vector<Tensor> parameters, double lr) {
    return std::make_unique<Sgd>(std::move(parameters), SgdOptions{.lr = lr, .momentum = 0.9});
  };
  return options;
}

// Alone, and by all ranks: the same weights, the same losses, the same errors.
void check_same(const std::string& what, const Make& make, const TrainOptions& options,
                const Train& train) {
  INFO(what, ", ", ranks().name());
  Sequential alone = make(), together = make();
  const auto expected = train(alone, options);
  TrainOptions of_all = options;
  of_all.ranks = &ranks();
  const auto reports = train(together, of_all);
  CHECK(distance(together, alone) < tolerance);
  REQUIRE(reports.size() == expected.size());
  for (std::size_t e = 0; e < reports.size(); ++e) {
    CHECK(reports[e].loss == doctest::Approx(expected[e].loss).epsilon(10 * tolerance));
    CHECK(reports[e].errors == expected[e].errors);
    CHECK(reports[e].validation_errors == expected[e].validation_errors);
    REQUIRE(reports[e].terms.size() == expected[e].terms.size());
    for (std::size_t t = 0; t < reports[e].terms.size(); ++t) {
      const double value = expected[e].terms[t].value;  // NaN of no labels
      CHECK((reports[e].terms[t].value == doctest::Approx(value).epsilon(10 * tolerance) ||
             (std::isnan(value) && std::isnan(reports[e].terms[t].value))));
      CHECK(reports[e].terms[t].weight == expected[e].terms[t].weight);
    }
    if (expected[e].gradient_norm) {
      CHECK(*reports[e].gradient_norm ==
            doctest::Approx(*expected[e].gradient_norm).epsilon(10 * tolerance));
    }
  }
  const auto texts = ranks().gather(detail::checksum_of(together));
  CHECK(std::ranges::count(texts, texts[0]) == ranks().size());
}

// Moves each image by a pixel, or not.
Augmentation moved() {
  return [](std::span<real> pixels, const Shape&, Rng& rng) {
    if (rng.below(2) == 1) std::rotate(pixels.begin(), pixels.begin() + 1, pixels.end());
  };
}

}  // namespace

TEST_CASE("among ranks: numbers are summed, texts told and sent" * doctest::skip()) {
  const int size = ranks().size(), rank = ranks().rank();
  CHECK(size == std::atoi(std::getenv("LIMBECK_TEST_RANKS")));
  CHECK(ranks().on_this_machine() == size);
  std::vector<float> floats(1000);
  std::vector<double> doubles(3);
  std::iota(floats.begin(), floats.end(), static_cast<float>(rank));
  std::iota(doubles.begin(), doubles.end(), 0.25 * rank);
  PendingSum pending = ranks().start_sum(std::span(doubles));
  ranks().sum(std::span(floats));
  pending.wait();
  CHECK(pending.done());
  const int ranks_sum = size * (size - 1) / 2;
  CHECK(floats[999] == static_cast<float>(size * 999 + ranks_sum));
  CHECK(doubles[2] == size * 2 + 0.25 * ranks_sum);
  std::string text = rank == size - 1 ? "from the last" : "";
  ranks().broadcast(text, size - 1);
  CHECK(text == "from the last");
  const auto all = ranks().gather(std::string(static_cast<std::size_t>(rank), 'x'));
  CHECK(all.back().size() == static_cast<std::size_t>(size - 1));
  CHECK(all.front().empty());
  if (rank == 0) {
    for (int other = 1; other < size; ++other) {
      const auto [from, said] = ranks().receive();
      CHECK(said == fmt::format("I am {}", from));
      ranks().send(from, "");
    }
  } else {
    ranks().send(0, fmt::format("I am {}", rank));
    CHECK(ranks().receive(0).second.empty());
  }
  CHECK_THROWS_WITH_AS(ranks().send(size, ""),
                       fmt::format("Ranks::send: no other rank is {}", size).c_str(), Error);
}

TEST_CASE("among ranks: a step and an epoch are those of one process" * doctest::skip()) {
  const Dataset train = rows_of_light(37, 1), test = rows_of_light(23, 2);
  const Train on_labels = [&](Sequential& model, const TrainOptions& options) {
    return train_classifier(model, train, options);
  };
  const auto of_mlp = [] { return small_mlp(); };
  TrainOptions step = usual();
  step.batch_size = 37;
  check_same("a step of an mlp", of_mlp, step, on_labels);
  check_same("a step of a cnn", small_cnn, step, on_labels);
  TrainOptions options = usual();  // batches of 10, and one of 7
  options.epochs = 2;
  options.test = &test;
  check_same("an mlp", of_mlp, options, on_labels);
  options.batch_size = 6;  // the last batch has one image
  check_same("a cnn", small_cnn, options, on_labels);
  check_same(
      "dropout", [] { return small_mlp(0.4); }, options, on_labels);
  options.drop_last = true;
  options.synchronised_statistics = true;
  options.epochs = 1;  // few values have variances near 0, by which rounding grows
  check_same("batch norm", small_with_batch_norm, options, on_labels);
  options.batch_size = 5;
  check_same("batch norm of shares of an image", small_with_batch_norm, options, on_labels);
  options.synchronised_statistics = options.drop_last = false;
  options.epochs = 2;
  options.augment = moved();
  options.accumulate = 3;
  options.validation_split = 0.2;
  check_same("augmentation", of_mlp, options, on_labels);
  options.clip_norm = 0.5;
  check_same("clipping", of_mlp, options, on_labels);
}

TEST_CASE("among ranks: distillation is that of one process" * doctest::skip()) {
  const Dataset train = rows_of_light(37, 1), test = rows_of_light(23, 2);
  Rng rng(9);
  Sequential teacher = mlp({16, 20, 4}, {}, rng);
  train_classifier(teacher, train, {.epochs = 5, .batch_size = 8, .lr = 0.02});
  const Train distil = [&](Sequential& student, const TrainOptions& options) {
    return Distiller(teacher, student, {.temperature = 3, .alpha = 0.3}).fit(train, options);
  };
  const auto of_mlp = [] { return small_mlp(); };
  TrainOptions options = usual();
  options.epochs = 3;
  options.test = &test;
  check_same("kept answers", of_mlp, options, distil);
  options.augment = moved();
  check_same("new images each time", of_mlp, options, distil);
  options.views = 2;
  check_same("views", of_mlp, options, distil);
  TrainOptions mixed = usual();
  mixed.mix = mixup();
  check_same("mixup", of_mlp, mixed, [&](Sequential& student, const TrainOptions& o) {
    return Distiller(teacher, student, {.temperature = 3, .alpha = 0}).fit(train, o);
  });
}

TEST_CASE("among ranks: students learn from one another as in one process" * doctest::skip()) {
  const Dataset train = rows_of_light(37, 1);
  for (const bool in_turn : {false, true}) {
    std::vector<Sequential> others;
    const Train learn = [&](Sequential& first, const TrainOptions& options) {
      Sequential second = small_cnn();
      const auto reports = MutualLearning({&first, &second}, {.temperature = 2, .in_turn = in_turn})
                               .fit(train, options);
      others.push_back(std::move(second));
      return reports;
    };
    const auto of_mlp = [] { return small_mlp(); };
    check_same(in_turn ? "in turn" : "at once", of_mlp, usual(), learn);
    CHECK(distance(others[1], others[0]) < tolerance);
  }
}

TEST_CASE("among ranks: buckets of any size give the sum, and none where none is" *
          doctest::skip()) {
  Rng rng(5);
  const Tensor x = uniform({6, 16}, -1, 1, rng);
  for (const Index bucket : {1, 7, 1000}) {
    Sequential model = small_mlp(), whole = small_mlp();
    Tensor unused = Tensor::zeros({3}).requires_grad();
    std::vector<Tensor> parameters = model.parameters();
    parameters.push_back(unused);
    detail::GradientSums sums(ranks(), parameters, bucket);
    const double factor = 1.0 / ranks().size();
    for (int time = 0; time < 2; ++time) {
      sums.backward(mean(square(model(x))) * static_cast<real>(factor));
      whole.zero_grad();
      mean(square(whole(x))).backward();
      const std::vector<Tensor> of_whole = whole.parameters();
      for (std::size_t i = 0; i < of_whole.size(); ++i) {
        CHECK(difference(parameters[i].grad(), of_whole[i].grad()) < tolerance);
      }
      CHECK_FALSE(unused.has_grad());
    }
  }
}

TEST_CASE("among ranks: what differs is refused before the training" * doctest::skip()) {
  const bool odd = ranks().rank() == ranks().size() - 1;
  const auto refusal = [&](const Dataset& train, const TrainOptions& options, std::uint64_t seed) {
    Rng rng(seed);
    Sequential model = mlp({16, 4}, {}, rng);
    try {
      train_classifier(model, train, options);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("nothing");
  };
  TrainOptions options{.epochs = 1, .ranks = &ranks()};
  const Dataset train = rows_of_light(20, 1), other = rows_of_light(20, 2);
  CHECK(contains(refusal(odd ? other : train, options, 1), "training images is "));
  CHECK(contains(refusal(train, options, odd ? 2 : 1), "weights at the start"));
  options.lr = odd ? 0.5 : 0.25;
  const std::string text = refusal(train, options, 1);
  CHECK(contains(text, fmt::format("rank {} of {}", ranks().size() - 1, ranks().size())));
  CHECK(contains(text, "learning rate is 0.5 there and 0.25 here"));
}

TEST_CASE("among ranks: a loss of other terms is refused" * doctest::skip()) {
  const bool odd = ranks().rank() == ranks().size() - 1;
  Sequential model = small_mlp();
  const std::string said = error_of([&] {
    fit(model, rows_of_light(40, 1), {.epochs = 1, .ranks = &ranks()},
        [&](const Step& step) -> Loss {
          const Tensor labels = cross_entropy(step.logits, step.batch.class_ids);
          if (!odd) return {{"labels", 1, labels}};
          return {{"labels", 1, labels}, {"small", 1, mean(square(step.logits))}};
        });
  });
  CHECK(contains(said, "list of terms is labels, small there and labels here"));
}

TEST_CASE("among ranks: a loss that is no number names the rank" * doctest::skip()) {
  const Dataset train = rows_of_light(40, 1);
  Sequential model = small_mlp();
  TrainOptions options{.epochs = 1, .batch_size = 8, .ranks = &ranks()};
  const int odd = ranks().size() - 1;
  std::string said;
  try {
    fit(model, train, options, [&](const Step& step) -> Loss {
      const bool spoils = step.step == 2 && ranks().rank() == odd;
      const Tensor factor = Tensor::scalar(spoils ? std::numeric_limits<real>::quiet_NaN() : 1);
      return {{"labels", 1, cross_entropy(step.logits, step.batch.class_ids)},
              {"small", 1, mean(square(step.logits)) * factor}};
    });
  } catch (const Error& error) {
    said = error.what();
  }
  CHECK(contains(said, "by its term \"small\", at batch 3 of epoch 1"));
  CHECK(contains(said, fmt::format("on rank {} of {}", odd, ranks().size())));
}

// What comes of the parts before it is summed over the ranks within the step, so all have to know.
TEST_CASE("among ranks: a student in turn whose loss is no number ends all, with its rank" *
          doctest::skip()) {
  const Dataset train = rows_of_light(40, 1);
  const int odd = ranks().size() - 1;
  int calls = 0;  // two for each batch of 8
  Rng rng(5);
  Sequential first = small_mlp(), last = small_cnn();
  Sequential spoilt(Flatten(), Linear({.in = 16, .out = 4}, rng), [&](const Tensor& x) {
    return ++calls == 5 && ranks().rank() == odd ? x * NAN : x;
  });
  const std::string said = error_of([&] {
    MutualLearning({&first, &spoilt, &last}, {.others = 0, .in_turn = true})
        .fit(train, {.epochs = 1, .batch_size = 8, .ranks = &ranks()});
  });
  CHECK(contains(said, "by its term \"labels-2\", at batch 3 of epoch 1"));
  CHECK(contains(said, fmt::format("on rank {} of {}", odd, ranks().size())));
}

TEST_CASE("among ranks: weights that have drifted become those of the first rank" *
          doctest::skip()) {
  for (const double average : {0.0, 0.9}) {
    Sequential model = small_mlp();
    Tensor weight = model.parameters()[0];
    TrainOptions options{.epochs = 2, .batch_size = 16, .ranks = &ranks()};
    options.weight_average = average;
    options.after_step = [&] {
      if (ranks().rank() == 1) weight.values()[0] += real{1} / 1024;
    };
    const auto reports = train_classifier(model, rows_of_light(32, 1), options);
    CHECK(contains(joined(reports[0].warnings), "rank 1 of "));
    CHECK(contains(joined(reports[0].warnings), "has come to other bits"));
    const auto sums = ranks().gather(detail::checksum_of(model));
    CHECK(std::ranges::count(sums, sums[0]) == ranks().size());
  }
}

TEST_CASE("among ranks: a stop that one asks for in the midst of a step comes after it" *
          doctest::skip()) {
  Sequential model = small_mlp();
  TrainOptions options{.epochs = 1, .batch_size = 8, .accumulate = 3, .ranks = &ranks()};
  int asked = 0;
  options.checkpoint.stop = [&] { return ++asked == 1 && ranks().rank() == 1; };
  CHECK(error_of([&] { train_classifier(model, rows_of_light(40, 1), options); }) ==
        "train: stopped after batch 3 of epoch 1");
}

TEST_CASE("among ranks: memory stays the same over epochs" * doctest::skip()) {
  if (!pool_keeps_memory()) return;  // AddressSanitizer keeps what is freed for a while
  Sequential model = small_mlp();
  const Dataset train = rows_of_light(64, 1);
  TrainOptions options{.epochs = 30, .batch_size = 16, .ranks = &ranks()};
  std::vector<Index> bytes;
  options.on_epoch = [&](const EpochReport&) { bytes.push_back(peak_resident_bytes()); };
  train_classifier(model, train, options);
  CHECK(bytes.back() - bytes[10] < 2 << 20);
}

TEST_CASE("two, three and four processes train as one does") {
  if (!can_run_ranks()) return;
  for (const int count : {2, 3, 4}) {
    const std::vector<std::string> tests = {"numbers",           "a step",          "distillation",
                                            "students learn",    "buckets",         "what differs",
                                            "a loss that is no", "a loss of other", "a student",
                                            "weights that",      "memory",          "a stop"};
    const Finished run = among(count, tests, {"timeout", "300"});
    INFO(count, " ranks:\n", run.out, run.err);
    CHECK(run.exit_code == 0);
    CHECK(ranks_at_the_end(run) == count);
  }
}
