// Students that learn from one another, beside the worked numbers and beside a loop by hand.
#include "nn/distill/mutual_learning.h"

#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "nn/distill/distillation_loss.h"
#include "nn/losses.h"
#include "nn/train/evaluate.h"
#include "optim/sgd.h"
#include "tests/data/idx_files.h"
#include "tests/nn/distill/methods/worked.h"
#include "tests/nn/distill/terms.h"

using namespace limbeck;
using namespace limbeck::testing;
using namespace limbeck::testing::worked;

namespace {

const Tensor w = worked::tensor({3, 5}, {0.5, 1, 0, 0, 0, 0, 0, 2, 0, 0, 1.5, 0, 0, 1, 0});

// L of the logits of one student, given the others'.
double loss_of(const Tensor& own, const std::vector<Tensor>& others, bool from_mean = false) {
  return (cross_entropy(own, y) + others_loss(own, others, {.from_mean = from_mean})).item();
}

TrainOptions by_sgd(Index epochs, double lr) {
  TrainOptions options{.epochs = epochs, .batch_size = 8, .lr = lr, .seed = 3};
  options.optimizer = [](std::vector<Tensor> parameters, double rate) {
    return std::make_unique<Sgd>(std::move(parameters), SgdOptions{.lr = rate, .momentum = 0.9});
  };
  options.schedule = constant();
  return options;
}

struct Class {
  Sequential a = perceptron(1, {16, 8, 4}, 0.2), b = perceptron(2, {16, 12, 4}),
             c = perceptron(3, {16, 8, 4}, 0.2);

  std::vector<Tensor> weights() const {
    std::vector<Tensor> all;
    for (const Sequential* const student : {&a, &b, &c}) {
      for (const Tensor& weight : weights_of(*student)) all.push_back(weight);
    }
    return all;
  }
};

}  // namespace

TEST_CASE("mutual losses have their worked values") {
  CHECK(others_loss(z, std::vector{v}).item() == near(0.155385469));
  CHECK(others_loss(v, std::vector{z}).item() == near(0.184309656));
  CHECK(others_loss(z, std::vector{w}).item() == near(0.364987197));
  CHECK(loss_of(z, {v}) == near(1.623061417));
  CHECK(loss_of(v, {z}) == near(0.965785550));
  CHECK(loss_of(z, {v, w}) == near(1.727862281));
  CHECK(loss_of(z, {v, w}, true) == near(1.639417056));
  CHECK(loss_of(z, {v}, true) == near(1.623061417));  // of one, the mean is itself
  CHECK(others_loss(z, std::vector{v}, {.temperature = 2}).item() == near(0.294220090));
  CHECK(others_loss(z, std::vector{v}, {.temperature = 2, .from_mean = true}).item() ==
        near(0.294220090));
}

TEST_CASE("the divergence pulls a student towards the others, and not the others") {
  for (const bool from_mean : {false, true}) {
    const Tensor own = z.clone().requires_grad(), other = v.clone().requires_grad();
    (cross_entropy(own, y) + others_loss(own, std::vector{other}, {.from_mean = from_mean}))
        .backward();
    CHECK(off(own.grad(), std::vector{0.101038925, -0.231703818, 0.070123730, 0.018008972,
                                      0.042532192}) < tolerance);
    CHECK_FALSE(other.has_grad());
  }
}

TEST_CASE("gradients of mutual losses are those of differences, and sum to 0 in a row") {
  for (const bool from_mean : {false, true}) {
    for (const double t : {0.5, 1.0, 3.0}) {
      const auto loss = [&](const std::vector<Tensor>& x) {
        return others_loss(x[0], std::vector{v, w}, {.temperature = t, .from_mean = from_mean});
      };
      CHECK(gradient_error(loss, {z.clone()}) < (in_double ? 1e-6 : 0.5));
      const Tensor dz = gradient(z, [&](const Tensor& x) { return loss({x}); });
      CHECK(difference(sum(dz, 1), {0, 0, 0}) < (in_double ? 1e-12 : 1e-6));
    }
  }
}

namespace {

// Three students after two epochs, all at once or in turn, and after the same by hand.
void check_by_hand(bool in_turn) {
  const Dataset data = rows_of_light(32, 1);
  Sequential a = perceptron(1), b = perceptron(2, {16, 12, 4}), c = perceptron(3);
  Sequential a2 = perceptron(1), b2 = perceptron(2, {16, 12, 4}), c2 = perceptron(3);
  MutualLearning({&a, &b, &c}, {.labels = 0.5, .others = 2, .temperature = 2, .in_turn = in_turn})
      .fit(data, by_sgd(2, 0.1));

  std::vector<Module*> students = {&a2, &b2, &c2};
  std::vector<std::unique_ptr<Sgd>> optimizers;
  for (Module* const student : students) {
    optimizers.push_back(
        std::make_unique<Sgd>(student->parameters(), SgdOptions{.lr = 0.1, .momentum = 0.9}));
  }
  Rng rng(3);
  DataLoader loader(data, {.batch_size = 8, .shuffle = true}, rng);
  for (Index epoch = 0; epoch < 2; ++epoch) {
    for (const Batch& batch : loader) {
      std::vector<Tensor> logits;
      for (Module* const student : students) logits.push_back((*student)(batch.images));
      for (std::size_t k = 0; k < 3; ++k) {
        Tensor loss = cross_entropy(logits[k], batch.class_ids) * 0.5;
        for (std::size_t l = 0; l < 3; ++l) {  // T² = 4, weight 2, of two others
          if (l == k) continue;
          const Tensor p = softmax(logits[l].detach(), 2);
          loss = loss + kl_div(log_softmax(logits[k], 2), p) * (2 * 4 / 2.0);
        }
        optimizers[k]->zero_grad();
        loss.backward();
        if (!in_turn) continue;
        optimizers[k]->step();
        logits[k] = (*students[k])(batch.images);
      }
      if (in_turn) continue;
      for (const auto& optimizer : optimizers) optimizer->step();
    }
  }
  const Tensor images = random_tensor({7, 1, 4, 4}, 5);
  const double allowed = in_double ? 1e-10 : 1e-4;
  CHECK(difference(a(images), a2(images)) < allowed);
  CHECK(difference(b(images), b2(images)) < allowed);
  CHECK(difference(c(images), c2(images)) < allowed);
}

}  // namespace

TEST_CASE(
    "students that learn together do what each would do by hand with an optimizer of its own") {
  check_by_hand(false);
}

TEST_CASE("students in turn hear what the others say after their steps of the same batch") {
  check_by_hand(true);
}

TEST_CASE("students in turn make one step a batch of the schedule, each clipped by itself") {
  const Dataset data = rows_of_light(32, 1), test = rows_of_light(30, 2);
  const auto learn = [&](bool in_turn, double clip) {
    Class students;
    TrainOptions options{.epochs = 3, .batch_size = 8, .lr = 0.01, .test = &test};  // Adam, cosine
    options.clip_norm = clip;
    auto reports =
        MutualLearning({&students.a, &students.b}, {.in_turn = in_turn}).fit(data, options);
    return std::pair(students.weights(), reports);
  };
  const auto at_once = learn(false, 0), in_turn = learn(true, 0), unclipped = learn(true, 1e9),
             clipped = learn(true, 1e-3);
  for (std::size_t e = 0; e < 3; ++e) CHECK(in_turn.second[e].lr == at_once.second[e].lr);
  CHECK(in_turn.second[0].loss ==
        doctest::Approx(in_turn.second[0].term("labels") + in_turn.second[0].term("others") +
                        in_turn.second[0].term("labels-2") + in_turn.second[0].term("others-2")));
  CHECK_FALSE(same_weights(in_turn.first, at_once.first));
  for (std::size_t i = 0; i < in_turn.first.size(); ++i) {
    CHECK(difference(in_turn.first[i], unclipped.first[i]) < 1e-4);
  }
  CHECK(*unclipped.second[0].gradient_norm > 0);
  CHECK_FALSE(same_weights(clipped.first, unclipped.first));
  Class students;
  TrainOptions options = by_sgd(1, 0.1);
  options.accumulate = 2;
  CHECK(contains(error_of([&] {
                   MutualLearning({&students.a, &students.b}, {.in_turn = true}).fit(data, options);
                 }),
                 "accumulate must be 1, and is 2"));
}

TEST_CASE(
    "a loss in turn that is not finite is refused by its student's name before it moves more") {
  Dataset data = rows_of_light(32, 1);
  Class students;
  students.b.parameters()[0].values()[0] = NAN;
  const std::vector<Tensor> c = weights_of(students.c);
  const std::string error = error_of([&] {
    MutualLearning({&students.a, &students.b, &students.c}, {.others = 0, .in_turn = true})
        .fit(data, by_sgd(1, 0.1));
  });
  CHECK(contains(error, "the loss is nan, by its term \"labels-2\", at batch 1 of epoch 1"));
  CHECK(same_weights(weights_of(students.c), c));
}

TEST_CASE("a report has every student's terms and errors") {
  const Dataset data = rows_of_light(40, 1), test = rows_of_light(30, 2);
  Class students;
  TrainOptions options = by_sgd(3, 0.05);
  options.test = &test;
  const auto reports = MutualLearning({&students.a, &students.b, &students.c}).fit(data, options);
  const EpochReport& last = reports.back();
  std::vector<std::string> names;
  for (const TermValue& term : last.terms) names.push_back(term.name);
  CHECK(names == std::vector<std::string>{"labels", "others", "labels-2", "others-2", "labels-3",
                                          "others-3"});
  CHECK(last.loss ==
        doctest::Approx(last.term("labels") + last.term("others") + last.term("labels-2") +
                        last.term("others-2") + last.term("labels-3") + last.term("others-3")));
  CHECK(last.term("labels-2") < reports.front().term("labels-2"));
  CHECK(*last.errors == count_errors(students.a, test));
  REQUIRE(last.metrics.size() == 2);
  CHECK(last.metrics[0].name == "errors-2");
  CHECK(last.metrics[0].value == static_cast<double>(count_errors(students.b, test)));
  CHECK(last.metrics[1].value == static_cast<double>(count_errors(students.c, test)));
  options.validation = &test;
  options.test = nullptr;
  const auto validated = MutualLearning({&students.a, &students.b}).fit(data, options);
  REQUIRE(validated.back().metrics.size() == 1);
  CHECK(validated.back().metrics[0].name == "validation_errors-2");
  CHECK(validated.back().metrics[0].value == static_cast<double>(count_errors(students.b, test)));
}

TEST_CASE("mutual learning that was stopped anywhere ends as one that never was") {
  const Dataset data = rows_of_light(35, 1);
  const auto learn = [&](Class& students, const std::string& file, Index stop_after,
                         const MutualOptions& how = {}) {
    TrainOptions options{.epochs = 3, .batch_size = 8, .lr = 0.01, .seed = 3};
    options.weight_average = 0.9;
    options.checkpoint.file = file;
    Index done = 0;
    options.checkpoint.stop = [&] { return ++done == stop_after; };
    MutualLearning({&students.a, &students.b, &students.c}, how).fit(data, options);
  };
  for (const bool in_turn : {false, true}) {
    Class whole;
    learn(whole, "", 0, {.in_turn = in_turn});
    for (const Index after : {1, 7, 10, 14}) {
      const Folder folder;
      Class stopped, resumed;
      CHECK_THROWS_AS(learn(stopped, folder.file("c"), after, {.in_turn = in_turn}), Stopped);
      CHECK(contains(error_of([&] { learn(stopped, folder.file("c"), 0, {.temperature = 2}); }),
                     "others(T=2), mutually here"));
      CHECK(contains(error_of([&] { learn(stopped, folder.file("c"), 0, {.in_turn = !in_turn}); }),
                     "in turn"));
      learn(resumed, folder.file("c"), 0, {.in_turn = in_turn});
      CHECK(same_weights(resumed.weights(), whole.weights()));
    }
  }
}

TEST_CASE("students without labels learn from one another alone") {
  Dataset data = rows_of_light(35, 1);
  std::ranges::fill(data.class_ids, -1);
  Class students;
  const auto apart = [&] {
    return agreement(predict(students.a, data), predict(students.b, data));
  };
  const double before = apart();
  const auto reports =
      MutualLearning({&students.a, &students.b}, {.labels = 0}).fit(data, by_sgd(20, 0.1));
  CHECK(reports.back().terms.size() == 2);
  CHECK(reports.back().term("others") < 0.2 * reports.front().term("others"));
  CHECK(apart() > before);
  CHECK(contains(error_of([&] {
                   MutualLearning({&students.a, &students.b}).fit(data, by_sgd(1, 0.1));
                 }),
                 "MutualLearning: "));
  TrainOptions mixed = by_sgd(1, 0.1);
  mixed.mix = mixup();
  CHECK(MutualLearning({&students.a, &students.b}, {.labels = 0}).fit(data, mixed).size() == 1);
  CHECK(error_of([&] {
          MutualLearning({&students.a, &students.b}).fit(rows_of_light(8, 1), mixed);
        }) ==
        "MutualLearning: mixed images have no label to learn; with {.labels = 0} students need "
        "none");
}

TEST_CASE("students that cannot learn from one another are refused") {
  const Dataset data = rows_of_light(8, 1);
  Sequential a = perceptron(1), same = perceptron(1), more = perceptron(2, {16, 8, 5});
  const auto error_with = [&](std::vector<Module*> students, const MutualOptions& how = {}) {
    return error_of([&] { MutualLearning(students, how).fit(data, by_sgd(1, 0.1)); });
  };
  CHECK(error_with({&a}) == "MutualLearning: at least two students are needed; got 1");
  CHECK(error_with({&a, nullptr}) == "MutualLearning: a student is null");
  CHECK(error_with({&a, &more}, {.labels = -1}) ==
        "MutualLearning: a weight must be a number of at least 0; got -1");
  CHECK(error_with({&a, &more}, {.labels = 0, .others = 0}) ==
        "MutualLearning: with two weights of 0 nobody learns");
  CHECK(contains(error_with({&a, &more}, {.temperature = 0}), "MutualLearning: "));
  CHECK(error_with({&a, &a}) == "MutualLearning: student 2 shares parameters with one before it");
  CHECK(error_with({&a, &same}) ==
        "MutualLearning: students 1 and 2 have the same weights and would always say the same; "
        "make them with different seeds");
  CHECK(error_with({&a, &more}) ==
        "MutualLearning: all students must tell the same classes apart; the first gives (8, 4) "
        "and student 2 (8, 5)");
  CHECK(error_of([&] { others_loss(z, {}); }) == "others_loss: there is nobody else to learn from");
  CHECK(error_of([&] {
          others_loss(z, std::vector{random_tensor({3, 4}, 1)});
        }) == "others_loss: all logits must be (N, C) and alike; got (3, 5) and (3, 4)");
}
