// What a term gets is of this very batch: logits and taps of both models, asked for anew or kept.
#include <numeric>

#include "nn/distill/distiller.h"
#include "nn/distill/ensemble.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/models.h"
#include "nn/train/evaluate.h"
#include "tests/data/idx_files.h"
#include "tests/nn/distill/terms.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// A network whose module "0" hands the images on, so that its tap must be the batch's images;
// counts those that it is asked about.
struct Watched {
  explicit Watched(std::uint64_t seed) {
    net.add(Function([this](const Tensor& x) { return asked += x.dim(0), x * 1; }));
    net.add(perceptron(seed));
  }
  Index asked = 0;
  Sequential net;
};

// A term that finds both taps, and the labels, to be those of the batch.
Term of_this_batch(const Dataset& data, Index& batches, Index& wrong) {
  return {.name = "watch",
          .value =
              [&](const TermStep& s) {
                ++batches;
                const Index n = s.batch.images.dim(0);
                wrong += !same_bits(s.student_taps[0], s.batch.images);
                wrong += !same_bits(s.teacher_taps[0], s.batch.images);
                wrong += s.student.dim(0) != n || s.teacher.dim(0) != n;
                wrong += s.teacher.wants_grad() || s.teacher_taps[0].wants_grad();
                for (std::size_t i = 0; i < s.batch.indices.size(); ++i) {
                  const auto row = static_cast<std::size_t>(s.batch.indices[i]);
                  wrong += s.batch.class_ids[i] != data.class_ids[row];
                }
                return mse(s.student, s.teacher);
              },
          .student_taps = {"0"},
          .teacher_taps = {"0"}};
}

}  // namespace

TEST_CASE("taps are of this batch, in batches of 500 too, whatever else the models are asked") {
  // 500 images at once is how sets are judged and answers are kept.
  const Dataset data = rows_of_light(1100, 1), test = rows_of_light(1000, 2);
  for (const int how : {0, 1, 2, 3}) {  // kept; anew; other images each time; views
    CAPTURE(how);
    Watched teacher(1), student(2);
    TrainOptions options{.epochs = 3, .batch_size = 500, .test = &test};
    options.validation_split = 0.05;
    if (how >= 2) options.augment = random_shift(1);
    if (how == 3) options.views = 2;
    Index batches = 0, wrong = 0;
    Distiller(teacher.net, student.net, of_this_batch(data, batches, wrong),
              {.answers_limit = how == 1 ? 0 : Index{1} << 20, .self_check = false})
        .fit(data, options);
    CHECK(batches == 9);
    CHECK(wrong == 0);
    const Index learned = 1045, judged = 1000 + 1;  // decisions, and one to see the modules
    CHECK(teacher.asked == judged + (how == 0 ? 1100 : how == 3 ? 2 * learned : 3 * learned));
  }
}

TEST_CASE("kept answers and those asked for anew make the same student") {
  const Dataset data = rows_of_light(40, 1);
  const auto student_of = [&](Index limit) {
    Sequential teacher = perceptron(1), student = perceptron(2);
    Distiller(teacher, student, soft_targets(2) + hint_between("2", "1"), {.answers_limit = limit})
        .fit(data, {.epochs = 3, .batch_size = 16, .lr = 0.01});
    return weights_of(student);
  };
  const std::vector<Tensor> kept = student_of(1 << 20), anew = student_of(0);
  for (std::size_t i = 0; i < kept.size(); ++i) CHECK(difference(kept[i], anew[i]) < 1e-3);
}

TEST_CASE("how large the answers are is known beforehand, and above the limit none is kept") {
  const Dataset data = rows_of_light(40, 1);
  Watched teacher(1), student(2);
  constexpr Index one = sizeof(real) * (4 + 16);  // logits, and images as a tap
  Index batches = 0, wrong = 0;
  const Objective objective = of_this_batch(data, batches, wrong);
  const auto expect = [&](Index limit, TrainOptions options, Index bytes, bool kept, Index asked) {
    options.epochs = 2;
    Distiller distiller(teacher.net, student.net, objective,
                        {.answers_limit = limit, .self_check = false});
    const KeptAnswers answers = distiller.kept_answers(data, options);
    CHECK(answers.bytes == bytes);
    CHECK(answers.kept == kept);
    teacher.asked = 0;
    distiller.fit(data, options);
    CHECK(teacher.asked == 1 + asked);
  };
  expect(40 * one, {}, 40 * one, true, 40);
  expect(40 * one - 1, {}, 40 * one, false, 80);
  TrainOptions augmented;
  augmented.augment = random_shift(1);
  expect(1 << 20, augmented, 0, false, 80);
  augmented.views = 3;
  expect(120 * one, augmented, 120 * one, true, 80);
  expect(120 * one - 1, augmented, 120 * one, false, 80);
  CHECK(wrong == 0);
  const KeptAnswers none =
      Distiller(teacher.net, student.net, true_classes()).kept_answers(data, {});
  CHECK(none.bytes == 0);
  CHECK_FALSE(none.kept);
  const KeptAnswers logits = Distiller(teacher.net, student.net, {}).kept_answers(data, {});
  CHECK(logits.bytes == 40 * 4 * static_cast<Index>(sizeof(real)));
}

TEST_CASE("a teacher that changes is refused where its answers are kept, and else asked anew") {
  const Dataset data = rows_of_light(40, 1);
  Sequential teacher = perceptron(1), student = perceptron(2);
  TrainOptions options{.epochs = 3, .batch_size = 20};
  Index steps = 0;
  options.after_step = [&] {
    if (++steps == 3) teacher.parameters()[0].values()[0] += 1;
  };
  CHECK(error_of([&] { Distiller(teacher, student, {.alpha = 0}).fit(data, options); }) ==
        "Distiller: the teacher has changed since it gave the answers that are kept; with "
        "DistillerOptions::answers_limit = 0 it is asked about every batch");
  CHECK(steps == 4);  // at the beginning of the third epoch
  Distiller(teacher, student, {.alpha = 0}, {}, {.answers_limit = 0}).fit(data, options);
}

TEST_CASE("a teacher that has weights in common with the student is asked about every batch") {
  const Dataset data = rows_of_light(40, 1);
  Watched teacher(1);
  // A student that ends with the teacher's own layer, which it trains.
  struct Sharing : Module {
    explicit Sharing(const Tensor& last) : first(perceptron(2, {16, 8})), weight(last) {}
    std::string describe() const override { return "Sharing"; }
    Tensor forward(const Tensor& x) override { return linear(relu(first(x)), weight, {}); }
    void parts(Parts& parts) override { parts("first", first), parts("weight", weight); }
    Sequential first;
    Tensor weight;
  };
  Sharing student(teacher.net.parameters()[2]);
  Distiller(teacher.net, student, soft_targets(2), {.self_check = false})
      .fit(data, {.epochs = 3, .batch_size = 20});
  CHECK(teacher.asked == 1 + 3 * 40);
  CHECK_FALSE(Distiller(teacher.net, student, soft_targets(2)).kept_answers(data, {}).kept);
}

TEST_CASE("a module of a term that is the teacher's too makes it one that changes") {
  const Dataset data = rows_of_light(40, 1);
  const auto shared = std::make_shared<Sequential>(perceptron(1, {16, 4}));
  // A teacher whose only weight is that of the term's module.
  struct Holder : Module {
    explicit Holder(const Tensor& of) : weight(of) {}
    std::string describe() const override { return "Holder"; }
    Tensor forward(const Tensor& x) override { return linear(x, weight, {}); }
    void parts(Parts& parts) override { parts("weight", weight); }
    Tensor weight;
  };
  Watched teacher(2);
  teacher.net =
      Sequential([&](const Tensor& x) { return teacher.asked += x.dim(0), x * 1; }, Flatten());
  teacher.net.add(Holder(shared->parameters()[0]));
  Sequential student = perceptron(3);
  const Term term{.name = "both",
                  .value =
                      [=](const TermStep& s) {
                        return mse(s.student, s.teacher) + mean((*shared)(s.batch.images));
                      },
                  .modules = {shared}};
  Distiller distiller(teacher.net, student, term, {.self_check = false});
  CHECK_FALSE(distiller.kept_answers(data, {}).kept);
  teacher.asked = 0;
  distiller.fit(data, {.epochs = 3, .batch_size = 20});
  CHECK(teacher.asked == 1 + 3 * 40);
}

TEST_CASE("a training that is over is read back, and nobody is asked anything") {
  const Dataset data = rows_of_light(60, 1), test = rows_of_light(30, 2);
  for (const bool patient : {false, true}) {
    const Folder folder;
    TrainOptions options{.epochs = patient ? 50 : 3, .batch_size = 8, .lr = 0.01, .test = &test};
    options.checkpoint.file = folder.file("c");
    if (patient) options.validation_split = 0.2, options.patience = 2;
    std::vector<Tensor> learned;
    for (const bool again : {false, true}) {
      Watched teacher(1);
      Sequential student = perceptron(2);
      Index checks = 0;
      Term term = soft_targets(2);
      term.value = [&, value = term.value](const TermStep& s) { return ++checks, value(s); };
      CHECK(is_over(options.checkpoint, options.epochs) == again);
      const auto reports = Distiller(teacher.net, student, term).fit(data, options);
      CHECK((patient ? reports.size() < 50 : reports.size() == 3));
      CHECK((teacher.asked == 1) == again);  // that, for its modules and classes
      CHECK((checks == 0) == again);
      if (!again) learned = weights_of(student);
      CHECK(same_weights(weights_of(student), learned));
    }
    CHECK(is_over(options.checkpoint, 1000) == patient);
    CHECK_FALSE(is_over({}, 1));
  }
}

TEST_CASE("answers for all students are not asked of a mean that each temperature changes") {
  const Dataset data = rows_of_light(40, 1);
  Sequential a = perceptron(1), b = perceptron(2);
  Ensemble logits({&a, &b}, {}), odds({&a, &b}, {.averaging = Averaging::probabilities});
  CHECK(answers_of(logits, data).logits.dim(0) == 40);
  CHECK(contains(error_of([&] { answers_of(odds, data); }),
                 "answers_of: this ensemble's mean of probabilities is another one at each "
                 "temperature; use a Distiller"));
}

TEST_CASE("answers that are no numbers are named with their module and image") {
  const Dataset data = rows_of_light(40, 1);
  Sequential teacher([](const Tensor& x) {
    Tensor odd = x * 1;
    if (x.dim(0) > 1) odd.values()[3 * 16 + 2] = INFINITY;
    return odd;
  });
  teacher.add([](const Tensor& x) { return minimum(x, 1); }).add(perceptron(1));
  Sequential student = perceptron(2);
  CHECK(error_of([&] {
          Distiller(teacher, student, hint_between("0", "0"), {.self_check = false}).fit(data, {});
        }) ==
        "Distiller: the outputs of the teacher's \"0\" for image 3 have inf: they must be finite");
}
