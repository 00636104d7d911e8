// The EMA teacher: its average by hand, in which mode and with which statistics it answers, what it
// leaves as it was, its place in checkpoints.
#include "nn/distill/methods/ema.h"

#include <vector>

#include "nn/batch_norm.h"
#include "nn/distill/distiller.h"
#include "nn/distill/methods/kd.h"
#include "nn/distill/methods/labels.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/models.h"
#include "nn/sequential.h"
#include "nn/weights.h"
#include "tests/data/idx_files.h"
#include "tests/nn/distill/methods/worked.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;
using worked::near;
using worked::v;
using worked::z;

namespace {

// One number: y = w x.
Sequential one_weight(real w) {
  Rng rng(1);
  Sequential net(Linear({.in = 1, .out = 1, .bias = false}, rng));
  *net.parameters()[0].data() = w;
  return net;
}

Sequential small_net(std::uint64_t seed) {
  Rng rng(seed);
  return Sequential(Flatten(), Linear({.in = 4, .out = 6}, rng), BatchNorm1d({.channels = 6}),
                    ReLU(), Dropout({.p = 0.5}, rng), Linear({.in = 6, .out = 3}, rng));
}

// A step of training, of which the weights and the running statistics move.
void move(Module& net, std::uint64_t seed) {
  net(random_tensor({8, 1, 2, 2}, seed));
  for (Tensor parameter : net.parameters()) {
    const Tensor by = random_tensor(parameter.shape(), seed + 1);
    std::ranges::transform(std::as_const(parameter).values(), by.values(), parameter.data(),
                           [](real a, real b) { return a + b; });
  }
}

const Tensor one = Tensor::from({1, 1}, {1});

}  // namespace

TEST_CASE("the average has its worked values, by a fixed share and by the growing one") {
  for (const bool growing : {false, true}) {
    Sequential net = one_weight(1);
    AverageTeacher average(net, growing ? 0.999 : 0.9);
    if (!growing) {  // past the first steps, in which the share grows: 1 − 1/(t + 1) ≥ 0.9
      for (int t = 0; t < 10; ++t) average.update();
    }
    const std::vector<double> expected =
        growing ? std::vector<double>{2, 2.5, 3} : std::vector<double>{1.1, 1.29, 1.561};
    for (std::size_t t = 0; t < 3; ++t) {
      *net.parameters()[0].data() = static_cast<real>(t) + 2;
      average.update();
      CHECK(average(one).item() == near(expected[t]));
    }
  }
  const std::vector<double> shares = {0, 0.5, 0.666666667};
  for (Index t = 0; t < 3; ++t) {
    CHECK(ema_decay(t, 0.999) == near(shares[static_cast<std::size_t>(t)]));
  }
  // The largest, not the smallest: with min(1 − 1/(t + 1), 0.001) the teacher would be the student.
  CHECK(ema_decay(100'000, 0.999) == 0.999);
}

TEST_CASE("the ramp has its worked values and ends at 1") {
  const Varying ramp = ramp_up(0.5);
  const std::vector<double> worked = {0.006737947, 0.060054668, 0.286504797, 0.731615629, 1};
  for (std::size_t i = 0; i < worked.size(); ++i) {
    CHECK(ramp(0.125 * static_cast<double>(i)) == near(worked[i]));
  }
  CHECK(ramp(0.8) == 1);
  CHECK(error_of([] { ramp_up(0); }) == "ramp_up: a share of the training is in (0, 1]; got 0");
}

TEST_CASE("the average is that of all weights and statistics, and answers in evaluation mode") {
  Sequential net = small_net(1);
  AverageTeacher average(net, 0.5);
  std::vector<State> states;
  average.update();
  states.push_back(state_of(net));
  for (const std::uint64_t step : {1U, 2U}) {
    move(net, step);
    average.update();
    states.push_back(state_of(net));
  }
  // m = 0, ½, ½: (a / 2 + b / 2) / 2 + c / 2.
  Sequential expected = small_net(2);
  State mean = states[2];
  for (std::size_t i = 0; i < mean.tensors.size(); ++i) {
    const Tensor sum = states[0].tensors[i].tensor / 4 + states[1].tensors[i].tensor / 4 +
                       states[2].tensors[i].tensor / 2;
    mean.tensors[i].tensor = sum;
  }
  restore(expected, mean);
  expected.eval();
  const Tensor images = random_tensor({5, 1, 2, 2}, 9);
  CHECK(difference(average(images), expected(images)) < 1e-6);
}

TEST_CASE("asking the average leaves the student as it was, in the midst of its graph too") {
  Sequential net = small_net(1);
  AverageTeacher average(net, 0.9);
  average.update();
  move(net, 1);
  const Tensor images = random_tensor({8, 1, 2, 2}, 9);
  const auto gradients = [&](bool asks) {
    const State before = state_of(net);
    net.zero_grad();
    const auto generators = net.named_generators();
    const Rng::State drawn = generators.at(0).second->state();
    const Tensor loss = mean(square(net(images)));
    if (asks) CHECK_FALSE(average(images).wants_grad());
    loss.backward();
    std::vector<Tensor> all;
    for (const Tensor& parameter : net.parameters()) all.push_back(parameter.grad().clone());
    restore(net, before);  // the running statistics
    generators.at(0).second->set_state(drawn);
    return all;
  };
  const std::vector<Tensor> alone = gradients(false), beside = gradients(true);
  for (std::size_t i = 0; i < alone.size(); ++i) CHECK(same_bits(alone[i], beside[i]));
  CHECK(net.is_training());
  const State state = state_of(net);
  average(images);
  for (std::size_t i = 0; i < state.tensors.size(); ++i) {
    CHECK(same_bits(state.tensors[i].tensor, state_of(net).tensors[i].tensor));
  }
}

TEST_CASE("the average moves once a step, whatever the number of batches in it") {
  Sequential net = one_weight(1);
  AverageTeacher average(net, 0.9);
  average.update_at(0);
  average.update_at(0);  // another batch of the first step, after which the weight is 3
  *net.parameters()[0].data() = 3;
  average.update_at(0.25);  // m = 0: of the first weights nothing is left
  CHECK(average(one).item() == 3);
  *net.parameters()[0].data() = 7;
  average.update_at(0.25);
  CHECK(average(one).item() == 3);
  average.update_at(0.5);  // m = 1/2
  CHECK(average(one).item() == 5);
}

TEST_CASE("a weight that has two names is averaged once, and asking leaves it as it was") {
  struct Tied : Module {
    std::string describe() const override { return "Tied"; }
    Tensor forward(const Tensor& x) override { return linear(linear(x, weight, {}), weight, {}); }
    void parts(Parts& parts) override { parts("first", weight), parts("last", weight); }
    Tensor weight = Tensor::from({1, 1}, {2});
  };
  Tied net;
  AverageTeacher average(net, 0.9);
  net.weight.data()[0] = 5;
  CHECK(average(one).item() == 4);
  CHECK(net.weight.item() == 5);
  CHECK(net(one).item() == 25);
  for (int step = 0; step < 2; ++step) average.update();
  CHECK(average(one).item() == 25);
}

TEST_CASE("a student that is given other layers is averaged from then on, and no other network") {
  const Dataset data = rows_of_light(30, 1);
  Rng rng(1);
  Sequential student = mlp({16, 8, 4}, {}, rng), other = mlp({16, 8, 4}, {}, rng);
  const Term term = ema(student);
  student = mlp({16, 12, 4}, {}, rng);
  const TrainOptions options{.epochs = 3, .batch_size = 10};
  CHECK(fit(student, data, options, labels() + term)[2].term("ema") > 0);
  CHECK(error_of([&] { fit(other, data, options, labels() + term); }) ==
        "fit: the term \"ema\" is made for another network than the one that is trained");
}

TEST_CASE("what is saved of the average is all that it needs to go on") {
  Sequential net = small_net(1);
  AverageTeacher average(net, 0.9);
  for (const double done : {0.0, 0.1, 0.2}) {
    average.update_at(done);
    move(net, static_cast<std::uint64_t>(10 * done));
  }
  CHECK(average.parameters().empty());  // nothing that an optimizer would move
  const State saved = state_of(average);
  Sequential same = small_net(7);
  copy_state(net, same);
  AverageTeacher resumed(same, 0.9);
  restore(resumed, saved);
  for (AverageTeacher* const one_of : {&average, &resumed}) one_of->update_at(0.3);
  const Tensor images = random_tensor({5, 1, 2, 2}, 9);
  CHECK(same_bits(average(images), resumed(images)));
}

TEST_CASE("squares of probabilities have their worked values, by sum and by mean over classes") {
  const double mean_of_elements = mse(softmax(z), softmax(v)).item();
  CHECK(mean_of_elements == near(0.012367401));
  CHECK(5 * mean_of_elements == near(0.061837007));
}

TEST_CASE("the term compares the student's answer with its average's") {
  Sequential net = small_net(1);
  Batch batch;
  batch.images = random_tensor({5, 1, 2, 2}, 9);
  const Tensor none;
  for (const bool squares : {false, true}) {
    const Term term = ema(net, {.decay = 0.9, .temperature = 2, .squares = squares});
    CHECK(term.description == (squares ? "ema(decay=0.9, squares)" : "ema(decay=0.9, T=2)"));
    REQUIRE(term.modules.size() == 1);
    Rng rng(1);
    term.prepare({.classes = 3, .student_taps = {}, .teacher_taps = {}}, rng);
    net.eval();
    const Tensor own = net(batch.images);
    net.train();
    const auto value = [&](const Tensor& logits, double done) {
      return static_cast<double>(term.value({.batch = batch,
                                             .student = logits,
                                             .teacher = none,
                                             .done = done,
                                             .epoch = 1,
                                             .student_taps = {},
                                             .teacher_taps = {}})
                                     .item());
    };
    CHECK(value(own, 0) == doctest::Approx(0).epsilon(1e-9));
    const Tensor other = random_tensor({5, 3}, 4);
    const double expected = squares ? 3 * mse(softmax(other), softmax(own)).item()
                                    : kd_loss(other, own, {.temperature = 2}).item();
    CHECK(value(other, 0) == near(expected));
    // A training that begins anew begins with the weights that there are.
    move(net, 5);
    term.prepare({.classes = 3, .student_taps = {}, .teacher_taps = {}}, rng);
    net.eval();
    CHECK(value(net(batch.images), 0) == doctest::Approx(0).epsilon(1e-9));
    net.train();
  }
}

TEST_CASE("with two views the average is asked about the images as they are changed for it") {
  const Dataset data = rows_of_light(20, 1);
  Rng rng(1);
  Sequential student = mlp({16, 8, 4}, {}, rng);
  // Each image as a whole times a number of its own: what the average saw can be told.
  const Augmentation dim = [](std::span<real> image, const Shape&, Rng& draw) {
    const auto by = static_cast<real>(draw.uniform(0.2, 1));
    for (real& pixel : image) pixel *= by;
  };
  const Term term = ema(student, {.decay = 0.9, .squares = true, .images = &data, .augment = dim});
  CHECK(term.description == "ema(decay=0.9, squares, two views)");
  Rng run(7);
  term.prepare({.classes = 4, .student_taps = {}, .teacher_taps = {}}, run);
  const std::vector<Index> images = {3, 11, 6};
  const Batch batch = make_batch(data, images);
  const auto value = [&](const Batch& b, Index epoch) {
    const Tensor none, own = student(b.images);
    return worked::number(term.value({.batch = b,
                                      .student = own,
                                      .teacher = none,
                                      .done = 0,
                                      .epoch = epoch,
                                      .student_taps = {},
                                      .teacher_taps = {}}));
  };
  for (const std::uint64_t epoch : {1U, 2U}) {
    Batch other = make_batch(data, images);
    for (std::size_t n = 0; n < 3; ++n) {
      Rng draw = Rng(7).child(epoch).child(static_cast<std::uint64_t>(images[n]));
      dim(other.images.values().subspan(16 * n, 16), data.image, draw);
    }
    const Tensor p = softmax(student(batch.images)), q = softmax(student(other.images));
    CHECK(value(batch, static_cast<Index>(epoch)) == near(4 * mse(p, q).item()));
  }
  CHECK(value(batch, 1) != value(batch, 2));
  Batch mixed = batch;
  mixed.class_ids.assign(3, -1);
  CHECK(
      contains(error_of([&] { value(mixed, 1); }), "ema: the batch is not of the images of which"));
  Batch beyond = batch;
  beyond.indices[1] = 20;
  CHECK(contains(error_of([&] { value(beyond, 1); }), "must be the training set's, and not mixed"));
  CHECK(contains(error_of([&] { ema(student, {.images = &data}); }), "two views need both"));
  CHECK(contains(error_of([&] { ema(student, {.augment = dim}); }), "two views need both"));
}

TEST_CASE("a training with two views that was stopped anywhere ends as one that never was") {
  const Dataset data = rows_of_light(35, 1);
  const auto learn = [&](const std::string& file, Index stop_after) {
    Rng rng(1);
    Sequential student = mlp({16, 8, 4}, {.dropout = 0.2}, rng);
    TrainOptions options{.epochs = 3, .batch_size = 8, .lr = 0.01, .seed = 3};
    options.augment = random_shift(1);
    options.checkpoint.file = file;
    Index done = 0;
    options.checkpoint.stop = [&] { return ++done == stop_after; };
    const Term term = ema(student, {.decay = 0.9, .images = &data, .augment = random_shift(1)});
    fit(student, data, options, labels() + term);
    return weights_of(student);
  };
  const auto whole = learn("", 0);
  for (const Index after : {3, 5, 12}) {
    const Folder folder;
    CHECK_THROWS_AS(learn(folder.file("c"), after), Stopped);
    CHECK(same_weights(learn(folder.file("c"), 0), whole));
  }
}

TEST_CASE("the EMA teacher refuses a decay and a temperature out of range") {
  Sequential net = one_weight(1);
  CHECK(error_of([&] { ema(net, {.decay = 1}); }) == "ema: the decay must be in [0, 1); got 1");
  CHECK(contains(error_of([&] { ema(net, {.temperature = 0}); }), "a positive number; got 0"));
}
