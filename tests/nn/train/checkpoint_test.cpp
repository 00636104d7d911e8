// Checkpoints: a training that was stopped anywhere ends as one that never was.
#include "nn/train/checkpoint.h"

#include "nn/batch_norm.h"
#include "nn/distill/distiller.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/sequential.h"
#include "nn/weights.h"
#include "optim/adam.h"
#include "tests/data/idx_files.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

constexpr Index epochs = 3, batches = 5;  // of 8 images, the last of 3

const Dataset& digits() {
  static const Dataset data = rows_of_light(35, 1);
  return data;
}

// A network in which everything is that a checkpoint must keep: weights, running statistics,
// generators.
Sequential student() {
  Rng rng(4);
  return Sequential(Flatten(), Linear({.in = 16, .out = 8}, rng), BatchNorm1d({.channels = 8}),
                    ReLU(), Dropout({.p = 0.5}, rng), Linear({.in = 8, .out = 4}, rng));
}

struct Result {
  std::vector<Tensor> state;
  std::vector<EpochReport> reports;
};

TrainOptions options_for(const std::string& file) {
  TrainOptions options{.epochs = epochs, .batch_size = 8, .lr = 0.01, .seed = 3};
  options.augment = random_shift(1);
  options.weight_average = 0.9;
  options.test = &digits();
  options.checkpoint.file = file;
  options.checkpoint.run = {{"epochs", "3"}, {"lr", "0.01"}};
  return options;
}

// Distils, or goes on with it, as these options say. The student begins with its first weights
// each time: what it learned must come from the file.
Result train(const TrainOptions& options) {
  Rng rng(1);
  Sequential teacher(Flatten(), Linear({.in = 16, .out = 4}, rng));
  Sequential model = student();
  Result result;
  result.reports =
      Distiller(teacher, model, {.temperature = 2, .alpha = 0.3}).fit(digits(), options);
  for (const NamedTensor& part : named_state(model)) result.state.push_back(part.tensor.clone());
  return result;
}

// The same, stopped after so many batches.
void train_and_stop(TrainOptions options, Index after) {
  Index done = 0;
  options.checkpoint.stop = [&] { return ++done == after; };
  CHECK_THROWS_AS(train(options), Stopped);
}

bool same_terms(const EpochReport& a, const EpochReport& b) {
  return std::ranges::equal(a.terms, b.terms, [](const TermValue& x, const TermValue& y) {
    return x.name == y.name && x.weight == y.weight && x.value == y.value && x.images == y.images;
  });
}

bool same(const Result& a, const Result& b) {
  const auto reports = [](const EpochReport& x, const EpochReport& y) {
    return x.epoch == y.epoch && x.epochs == y.epochs && x.loss == y.loss && same_terms(x, y) &&
           x.lr == y.lr && x.errors == y.errors && x.agreement == y.agreement &&
           x.warnings == y.warnings;
  };
  return std::ranges::equal(a.state, b.state, same_bits) &&
         std::ranges::equal(a.reports, b.reports, reports);
}

const Result& never_stopped() {
  static const Result result = train(options_for(""));
  return result;
}

}  // namespace

TEST_CASE("a training stopped after any batch goes on to the same bits") {
  for (Index after = 1; after <= epochs * batches; ++after) {
    CAPTURE(after);
    const Folder folder;
    const TrainOptions options = options_for(folder.file("c"));
    train_and_stop(options, after);
    CHECK(same(train(options), never_stopped()));
  }
}

TEST_CASE("a training stopped after every single batch ends all the same") {
  const Folder folder;
  const TrainOptions options = options_for(folder.file("c"));
  for (Index i = 0; i < epochs * batches; ++i) train_and_stop(options, 1);
  CHECK(same(train(options), never_stopped()));
}

TEST_CASE("a file is written after every epoch, and one of a finished training gives its result") {
  const Folder folder;
  TrainOptions options = options_for(folder.file("c"));
  std::vector<bool> there;
  options.on_epoch = [&](const EpochReport&) {
    there.push_back(std::filesystem::exists(folder.file("c")));
  };
  CHECK(same(train(options), never_stopped()));
  CHECK(there == std::vector<bool>{false, true, true});
  there.clear();
  CHECK(same(train(options), never_stopped()));
  CHECK(there.empty());  // no epoch was left to do
}

TEST_CASE("stopping says where, and needs no file") {
  TrainOptions options = options_for("");
  Index done = 0;
  options.checkpoint.stop = [&] { return ++done == 7; };
  CHECK(error_of([&] { train(options); }) == "train: stopped after batch 2 of epoch 2");
}

TEST_CASE("a checkpoint of another run is refused, and the difference named") {
  const Folder folder;
  TrainOptions options = options_for(folder.file("c"));
  train_and_stop(options, 3);
  const auto refusal = [&](const std::map<std::string, std::string>& run) {
    TrainOptions other = options;
    other.checkpoint.run = run;
    return error_of([&] { train(other); });
  };
  const std::string start = "checkpoint: " + folder.file("c") + ": it belongs to another run: ";
  CHECK(refusal({{"epochs", "4"}, {"lr", "0.01"}}) == start + "epochs is 3 there and 4 here");
  CHECK(refusal({{"epochs", "3"}}) == start + "lr is 0.01 there and nothing here");
  CHECK(refusal({{"epochs", "3"}, {"lr", "1"}, {"seed", "2"}}) ==
        start + "lr is 0.01 there and 1 here, seed is nothing there and 2 here");
  // Older files tell who worked on it.
  options.checkpoint.run["threads"] = options.checkpoint.run["ranks"] = "2";
  options.checkpoint.file = folder.file("old");
  train_and_stop(options, 3);
  CHECK(refusal({{"epochs", "3"}, {"lr", "0.01"}}) == "(no error)");
}

TEST_CASE("what is no checkpoint of this training is refused") {
  const Folder folder;
  const TrainOptions options = options_for(folder.file("c"));
  const auto refusal = [&] { return error_of([&] { train(options); }); };
  write_safetensors(folder.file("c"), {});
  CHECK(contains(refusal(), "it is no checkpoint of a training"));
  write_safetensors(folder.file("c"),
                    {.tensors = {}, .metadata = {{"run", "{"}, {"position", "{}"}}});
  CHECK(contains(refusal(), "it is no checkpoint of a training"));
  write_safetensors(
      folder.file("c"),
      {.tensors = {}, .metadata = {{"run", "{}"}, {"training", "{"}, {"position", "{}"}}});
  CHECK(contains(refusal(), "it is no checkpoint of a training: "));
  train_and_stop(options_for(folder.file("d")), 3);
  TensorFile content = read_safetensors(folder.file("d"));
  const TensorFile good = content;
  content.tensors.pop_back();
  write_safetensors(folder.file("c"), content, StoredAs::own);
  CHECK(contains(refusal(), "its tensors are not those of this training"));
  for (const char* position :
       {"{}", "[]", R"({"batches": 1e99})", R"({"batches": "one"})", R"({"batches": null})"}) {
    content = good;
    content.metadata["position"] = position;
    write_safetensors(folder.file("c"), content, StoredAs::own);
    CHECK(contains(refusal(), "it is no checkpoint of a training: "));
  }
  content = good;
  std::string& position = content.metadata["position"];
  const std::size_t at = position.find("\"batches\":3");
  REQUIRE(at != std::string::npos);
  position.replace(at, 11, "\"batches\":6");
  write_safetensors(folder.file("c"), content, StoredAs::own);
  CHECK(contains(refusal(), "its epoch 1, batch 6 is none of this training"));
  for (const char* const steps : {"9223372036854775807", "-3", "2.5", "1e300", "[3]"}) {
    content = good;
    std::string& text = content.metadata["position"];
    text.replace(text.find("\"steps\":3"), 9, std::string("\"steps\":") + steps);
    write_safetensors(folder.file("c"), content, StoredAs::own);
    CHECK(contains(refusal(), "steps is no count"));
  }
  content = good;
  std::string& text = content.metadata["position"];
  text.replace(text.find("\"steps\":3"), 9, "\"steps\":4");
  write_safetensors(folder.file("c"), content, StoredAs::own);
  CHECK(contains(refusal(), "4 steps are not those of its epochs and batches"));
}

TEST_CASE("a count of a checkpoint that is none is refused, whichever it is") {
  const Folder folder;
  const TrainOptions options = options_for(folder.file("c"));
  train_and_stop(options_for(folder.file("d")), 7);  // an epoch, and a part of the next
  const TensorFile good = read_safetensors(folder.file("d"));
  const std::string& position = good.metadata.at("position");
  const auto refusal_with = [&](std::size_t at, const std::string& value) {
    TensorFile content = good;
    content.metadata["position"].replace(at, position.find_first_of(",}", at) - at, value);
    write_safetensors(folder.file("c"), content, StoredAs::own);
    return error_of([&] { train(options); });
  };
  for (const std::string key : {"epoch", "epochs", "images", "errors", "validation_errors",
                                "batches", "steps", "average_steps", "waited"}) {
    int places = 0;
    const std::string start = "\"" + key + "\":";
    for (std::size_t at = position.find(start); at != position.npos;
         at = position.find(start, at + 1), ++places) {
      for (const char* const value :
           {"1e300", "-1e300", "-1", "0.5", "1e15001", "\"NaN\"", "\"3\"", "[3]", "true"}) {
        CAPTURE(key);
        CAPTURE(value);
        const std::string error = refusal_with(at + start.size(), value);
        CHECK(contains(error, folder.file("c") + ": it is no checkpoint of a training"));
        const bool is_number = std::string(value) != "1e15001";  // too large for a parser
        CHECK(contains(error, key + " is no count") == is_number);
      }
      const std::size_t number = at + start.size();
      if (position.compare(number, 4, "null") == 0) continue;
      const std::string whole =
          position.substr(number, position.find_first_of(",}.", number) - number);
      CHECK(refusal_with(number, whole + ".0") == "(no error)");
    }
    CHECK(places >= (key == "images" ? 3 : 1));
  }
}

TEST_CASE("a checkpoint cut anywhere or changed at random is refused, or can be gone on from") {
  const Folder folder;
  const CheckpointOptions options{.file = folder.file("c"), .run = {{"lr", "0.1"}}};
  Rng rng(1);
  Sequential model(Dropout({.p = 0.5}, rng), Linear({.in = 2, .out = 2}, rng));
  Adam adam(model.parameters(), {});
  const detail::Learner learner{named_state(model), adam, nullptr, model.named_generators(),
                                named_state(model)};
  detail::TrainingPosition position{.batches = 3, .seconds = 0.5};
  position.reports.push_back({.epoch = 1,
                              .epochs = 2,
                              .loss = 0.7,
                              .terms = {{.name = "hard", .value = 0.7, .images = 9}},
                              .errors = 3,
                              .metrics = {{"recall", 0.5}}});
  const detail::TrainingFacts facts = {{"batch size", "128"}};
  detail::write_checkpoint(options, facts, learner, position);
  const Bytes whole = read_all(options.file);
  int refused = 0, accepted = 0;
  const auto read = [&](const Bytes& bytes) {
    folder.write("c", bytes);
    const std::string text = error_of([&] {
      const auto again = detail::read_checkpoint(options, facts, learner);
      CHECK(again->reports.size() <= bytes.size());
    });
    const bool error = contains(text, options.file);
    CHECK_MESSAGE((error || text == "(no error)"), text);
    ++(error ? refused : accepted);
  };
  for (std::size_t size = 0; size < whole.size(); ++size) read(whole.substr(0, size));
  CHECK(accepted == 0);
  for (int i = 0; i < 10'000; ++i) {
    Bytes bytes = whole;
    bytes[static_cast<std::size_t>(rng.below(static_cast<Index>(bytes.size())))] =
        static_cast<char>(rng.below(256));
    read(bytes);
  }
  CHECK(refused > 1000);
  CHECK(accepted > 100);
}
