// The chains of the literature: which steps they are, and that they learn.
#include "nn/distill/methods/chains.h"

#include "core/ops/arithmetic.h"
#include "core/ops/softmax.h"
#include "data/synthetic_digits.h"
#include "nn/distill/ensemble.h"
#include "nn/distill/methods/labels.h"
#include "nn/distill/methods/mse_logits.h"
#include "nn/train/evaluate.h"
#include "nn/weights.h"
#include "tests/data/idx_files.h"
#include "tests/nn/distill/methods/worked.h"
#include "tests/nn/distill/terms.h"

using namespace limbeck;
using namespace limbeck::testing;
using namespace limbeck::testing::worked;

namespace {

const TrainOptions one_epoch{.epochs = 1, .batch_size = 32, .lr = 0.01, .seed = 5};

Sequential on_digits(std::uint64_t seed, Index hidden) {
  return perceptron(seed, {784, hidden, 10});
}

}  // namespace

TEST_CASE("annealing's teacher grows in equal parts to its full size and never beyond") {
  const Varying of_four = damped(4), of_ten = damped(10);
  CHECK(of_four(0) == 0.25);
  CHECK(of_four(0.2499) == 0.25);
  CHECK(of_four(0.25) == 0.5);
  CHECK(of_four(0.6) == 0.75);
  CHECK(of_four(0.75) == 1);
  CHECK(of_four(1) == 1);
  CHECK(of_ten(0) == 0.1);
  CHECK(of_ten(0.35) == 0.4);
  CHECK(of_ten(1) == 1);
  CHECK(damped(1)(0) == 1);
  CHECK(error_of([] { damped(0); }) == "damped: at least one part is needed; got 0");
  // 20 epochs of 7 steps, two for each of ten parts: whole epochs.
  constexpr Index epochs = 20, batches = 7;
  for (Index step = 0; step < epochs * batches; ++step) {
    const double done = static_cast<double>(step) / (epochs * batches - 1);
    CHECK(of_ten(done) == static_cast<double>(step / (2 * batches) + 1) / 10);
  }
}

TEST_CASE("annealing's first loss has its worked values") {
  const MseLogitsOptions scaled{.teacher_scale = damped(4)};
  const std::vector<double> expected = {0.436333333, 0.217333333, 0.403666667, 0.995333333};
  for (std::size_t part = 0; part < 4; ++part) {
    const double done = static_cast<double>(part) / 4 + 0.1;
    CHECK(mse_logits_loss(z, v, scaled, done).item() == near(expected[part]));
  }
}

TEST_CASE("each of a chain of assistants teaches the next") {
  Sequential teacher = on_digits(1, 16), medium = on_digits(2, 12), small = on_digits(3, 8);
  const auto steps = assistants(teacher, {&medium, &small}, 0.1 * labels() + 0.9 * kd(), one_epoch);
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].name == "assistant-1");
  CHECK(steps[1].name == "student");
  CHECK(steps[0].from == &teacher);
  CHECK(steps[1].from == &medium);
  CHECK(steps[1].student == &small);
  CHECK(steps[0].options.seed == 5);
  CHECK(steps[1].options.seed == 6);
  CHECK(steps[1].objective.str() == "0.1 * labels + 0.9 * kd(T=4)");
  CHECK(error_of([&] { assistants(teacher, {}, labels(), one_epoch); }) ==
        "assistants: at least one student is needed");
}

TEST_CASE("a chain of the chapter is done once, and read back the next time") {
  const TrainTest data = synthetic_digits({.train = 600, .test = 200, .seed = 1});
  const TrainOptions& options = one_epoch;
  const Folder folder;
  std::vector<Tensor> learned;
  for (const std::uint64_t seed : {1U, 11U}) {  // the second time with networks of other weights
    Sequential teacher = on_digits(seed, 16), assistant = on_digits(seed + 1, 12),
               student = on_digits(seed + 2, 8);
    const Objective soft = 0.1 * labels() + 0.9 * kd();
    ChainStep first{
        .name = "teacher", .student = &teacher, .objective = labels(), .options = options};
    ChainStep second{.name = "assistant",
                     .student = &assistant,
                     .from = &teacher,
                     .objective = soft,
                     .options = options};
    ChainStep third{.name = "student",
                    .student = &student,
                    .from = &assistant,
                    .objective = soft,
                    .options = options};
    Chain chain({first, second, third}, {.folder = folder.path()});
    chain.fit(data.train);
    if (seed == 1) learned = weights_of(student);
    CHECK(same_weights(weights_of(student), learned));
  }
}

TEST_CASE("generations begin anew, and answer together by the mean of their probabilities") {
  const TrainTest data = synthetic_digits({.train = 600, .test = 200, .seed = 1});
  Sequential teacher = on_digits(1, 16), first = on_digits(2, 16), second = on_digits(3, 16);
  TrainOptions options = one_epoch;
  options.epochs = 4, options.batch_size = 16;
  const auto steps = born_again(teacher, {&first, &second}, options);
  CHECK(steps[0].name == "generation-1");
  CHECK(steps[1].from == &first);
  CHECK(steps[1].objective.str() == "kd(T=1)");
  Chain chain({{.name = "teacher", .student = &teacher, .objective = labels(), .options = options},
               steps[0],
               steps[1]});
  const auto reports = chain.fit(data.train);
  CHECK(reports[2][0].term("kd") < 1);
  Ensemble ensemble({&first, &second}, {.averaging = Averaging::probabilities});
  const Tensor p = softmax(logits_of(ensemble, data.test));
  const Tensor mean =
      (softmax(logits_of(first, data.test)) + softmax(logits_of(second, data.test))) * 0.5;
  CHECK(difference(p, mean) < 1e-5);
  CHECK(count_errors(ensemble, data.test) < 120);  // guessing makes 180
}

TEST_CASE("generations that cannot be born again are refused") {
  Sequential teacher = on_digits(1, 16), other = on_digits(2, 12), twin = on_digits(1, 16),
             first = on_digits(3, 16), same = on_digits(3, 16);
  CHECK(error_of([&] {
          born_again(teacher, {&first, &other}, one_epoch);
        }) ==
        "born_again: generation-2 has other layers than the teacher: assistants() is for those");
  const std::string again =
      " begins with the weights of one before it; each needs a seed of its own";
  CHECK(error_of([&] { born_again(teacher, {&twin}, one_epoch); }) ==
        "born_again: generation-1" + again);
  CHECK(error_of([&] {
          born_again(teacher, {&first, &same}, one_epoch);
        }) == "born_again: generation-2" + again);
  CHECK(error_of([&] { born_again(teacher, {nullptr}, one_epoch); }) ==
        "born_again: generation-1 is null");
}

TEST_CASE("annealing goes on by labels from where the teacher's logits have led") {
  const TrainTest data = synthetic_digits({.train = 600, .test = 200, .seed = 1});
  Sequential teacher = on_digits(1, 16), student = on_digits(2, 8);
  TrainOptions gently = one_epoch;
  gently.lr = 0;
  const auto steps = annealing(teacher, student, one_epoch, gently, 4);
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].from == &teacher);
  CHECK(steps[1].from == nullptr);
  CHECK(steps[1].student == &student);
  CHECK(steps[1].objective.str() == "labels");
  std::vector<std::vector<Tensor>> after;
  const auto keep = [&](const ChainStep&, const auto&) { after.push_back(weights_of(student)); };
  const auto before = weights_of(student);
  const auto reports = Chain(steps, {.on_step = keep}).fit(data.train);
  CHECK_FALSE(same_weights(before, after[0]));
  CHECK(same_weights(after[0], after[1]));  // a rate of 0: where the first phase has left it
  CHECK(reports[1][0].term("labels") > 0);
}
