// Terms of features, and those that own modules or state, in whole trainings: each passes its
// self-check and falls, and a training that was stopped goes on to the same bits. Mixed images.
#include <functional>
#include <string>
#include <vector>

#include "nn/distill/distiller.h"
#include "nn/distill/methods/attention.h"
#include "nn/distill/methods/ctkd.h"
#include "nn/distill/methods/ema.h"
#include "nn/distill/methods/hint.h"
#include "nn/distill/methods/info_nce.h"
#include "nn/distill/methods/kd.h"
#include "nn/distill/methods/pkt.h"
#include "nn/distill/methods/rkd.h"
#include "nn/distill/methods/similarity.h"
#include "nn/models.h"
#include "nn/weights.h"
#include "tests/data/idx_files.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Layer 2 gives maps (channels, 2, 2), layer 5 rows of `hidden`.
Sequential convolutional(std::uint64_t seed, Index channels, Index hidden, double dropout = 0) {
  Rng rng(seed);
  return cnn({1, 4, 4}, 4, {.channels = {channels}, .hidden = hidden, .dropout = dropout}, rng);
}

// A term of its own kind, for a student.
struct Method {
  std::string name;
  std::function<Term(Module& student)> make;
};

const std::vector<Method> methods = {
    {"rkd-distance", [](Module&) { return rkd_distance({"5"}); }},
    {"rkd-angle", [](Module&) { return rkd_angle({"5"}); }},
    {"at", [](Module&) { return attention_transfer({"2"}); }},
    {"sp", [](Module&) { return similarity({"2"}); }},
    {"pkt", [](Module&) { return pkt({"5"}); }},
    {"hint",
     [](Module&) {
       return hint({"2", "2"});
     }},
    {"hint", [](Module&) { return hint({"5"}, {.relu = true}); }},
    {"info-nce", [](Module&) { return info_nce({"5"}, {.both = true, .width = 6}); }},
    {"ctkd", [](Module&) { return ctkd({.epochs = 2}); }},
    {"ema", [](Module& student) { return ema(student, {.decay = 0.9}); }},
};

struct Result {
  std::vector<Tensor> student, modules;  // all state
  std::vector<EpochReport> reports;
};

Result train(const Method& method, const TrainOptions& options, double dropout = 0.2) {
  const Dataset data = rows_of_light(36, 1);
  Sequential teacher = convolutional(1, 6, 12), student = convolutional(2, 4, 8, dropout);
  const Term term = method.make(student);
  Result result;
  result.reports = Distiller(teacher, student, term).fit(data, options);
  const auto copy = [](std::vector<Tensor>& to, const Module& of) {
    for (const NamedTensor& part : named_state(of)) to.push_back(part.tensor.clone());
  };
  copy(result.student, student);
  for (const auto& module : term.modules) copy(result.modules, *module);
  return result;
}

}  // namespace

TEST_CASE("each method passes its self-check in a training, and learns") {
  for (const Method& method : methods) {
    CAPTURE(method.name);
    const TrainOptions options{.epochs = 40, .batch_size = 12, .lr = 0.01, .seed = 3};
    const Result result = train(method, options, 0);
    const double first = result.reports.front().term(method.name);
    const double last = result.reports.back().term(method.name);
    CHECK(std::isfinite(last));
    // What a student is held to by its own average is how it changes.
    if (method.name != "ema") CHECK(last < first);
  }
}

TEST_CASE("a training with any method that was stopped in its midst ends as one that never was") {
  for (const Method& method : methods) {
    CAPTURE(method.name);
    TrainOptions options{.epochs = 3, .batch_size = 8, .lr = 0.01, .seed = 3};
    options.accumulate = method.name == "ema" ? 2 : 1;
    const Result whole = train(method, options);
    const Folder folder;
    options.checkpoint.file = folder.file("c");
    Index done = 0;
    options.checkpoint.stop = [&] { return ++done == 4; };
    CHECK_THROWS_AS(train(method, options), Stopped);
    options.checkpoint.stop = {};
    const Result resumed = train(method, options);
    CHECK(same_weights(resumed.student, whole.student));
    CHECK(same_weights(resumed.modules, whole.modules));
    for (std::size_t i = 0; i < 3; ++i) CHECK(resumed.reports[i].loss == whole.reports[i].loss);
  }
}

TEST_CASE("mixed images: teacher and student see the same, and no answer is kept") {
  const Dataset data = rows_of_light(36, 1);
  Sequential student = convolutional(2, 4, 8);
  std::vector<Tensor> seen;  // by the teacher, in batches
  Sequential teacher;
  teacher.add(Function([&](const Tensor& x) {
    if (x.dim(0) == 12) seen.push_back(x.clone());
    return x;
  }));
  teacher.add(convolutional(1, 6, 12));
  std::vector<Tensor> learned;
  Term watched = kd();
  watched.value = [of = watched.value, &learned](const TermStep& s) {
    if (s.batch.images.dim(0) == 12) learned.push_back(s.batch.images.clone());
    for (const std::int32_t label : s.batch.class_ids) CHECK(label == -1);
    return of(s);
  };
  TrainOptions options{.epochs = 2, .batch_size = 12, .seed = 3};
  options.mix = mixup();
  Distiller distiller(teacher, student, watched, {.self_check = false});
  CHECK_FALSE(distiller.kept_answers(data, options).kept);
  distiller.fit(data, options);
  REQUIRE(learned.size() == 6);
  REQUIRE(seen.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) CHECK(same_bits(seen[i], learned[i]));
  CHECK_FALSE(same_bits(seen[0], seen[3]));
}

TEST_CASE("mixed images are refused where they cannot be learned from") {
  const Dataset data = rows_of_light(8, 1);
  Sequential student = convolutional(2, 4, 8);
  TrainOptions options{.epochs = 1};
  options.mix = mixup();
  CHECK(error_of([&] { train_classifier(student, data, options); }) ==
        "train: mixed images have no label to learn; a teacher can tell of them");
  CHECK(contains(error_of([&] {
                   distill_from_logits(Tensor::zeros({8, 4}), student, data, kd(), options);
                 }),
                 "would change the images that the teacher's answers are about"));
  options.augment = random_shift(1);
  options.views = 2;
  CHECK(error_of([&] {
          fit(student, data, options, [](const Step& s) -> Loss {
            return {{"even", 1, mean(square(s.logits))}};
          });
        }) == "train: images that are mixed with others do not come again: views must be 0");
}
