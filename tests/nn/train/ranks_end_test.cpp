// How trainings of several processes end: by an error of one or of all, or killed. Tests named
// "among ranks" are run by mpirun, from the last ones of this file.
#include <csignal>

#include "nn/losses.h"
#include "nn/models.h"
#include "nn/sequential.h"
#include "nn/train/trainer.h"
#include "nn/weights.h"
#include "tests/data/idx_files.h"
#include "tests/nn/train/among.h"
#include "tests/nn/train/rows_of_light.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

Sequential small_mlp() {
  Rng rng(3);
  return mlp({16, 12, 8, 4}, {.dropout = 0.2}, rng);
}

// Moves each image by a pixel, or not.
Augmentation moved() {
  return [](std::span<real> pixels, const Shape&, Rng& rng) {
    if (rng.below(2) == 1) std::rotate(pixels.begin(), pixels.begin() + 1, pixels.end());
  };
}

}  // namespace

// LIMBECK_TEST_FOLDER has the checkpoint; LIMBECK_TEST_KILL says after which batch which rank dies.
TEST_CASE("among ranks: a training that can be killed" * doctest::skip()) {
  const std::string folder = std::getenv("LIMBECK_TEST_FOLDER");
  const char* const kill = std::getenv("LIMBECK_TEST_KILL");
  const int batch = kill != nullptr ? std::atoi(kill) : -1;
  const Dataset train = rows_of_light(50, 1);
  Sequential model = small_mlp();
  TrainOptions options{.epochs = 4, .batch_size = 10, .augment = moved(), .ranks = &ranks()};
  options.checkpoint.file = folder + "/training.checkpoint";
  int batches = 0;
  options.on_batch = [&](const Progress&) {
    if (++batches == batch && ranks().rank() == batch % ranks().size()) std::raise(SIGKILL);
  };
  const auto reports = train_classifier(model, train, options);
  CHECK(reports.size() == 4);
  if (ranks().first()) std::ofstream(folder + "/weights") << detail::checksum_of(model);
}

TEST_CASE("among ranks: an error of one stops all" * doctest::skip()) {
  Sequential model = small_mlp();
  TrainOptions options{.epochs = 1, .batch_size = 8, .ranks = &ranks()};
  options.on_batch = [&](const Progress& p) {
    if (p.batch == 2 && ranks().rank() == 1) fail("test", "the disk is full");
  };
  train_classifier(model, rows_of_light(40, 1), options);
}

TEST_CASE("among ranks: a term that comes later on one" * doctest::skip()) {
  Rng rng(1);
  Sequential model = mlp({16, 4}, {}, rng);
  fit(model, rows_of_light(40, 1), {.epochs = 1, .batch_size = 8, .ranks = &ranks()},
      [&](const Step& step) -> Loss {
        const Tensor labels = cross_entropy(step.logits, step.batch.class_ids);
        if (ranks().rank() == 0 || step.step < 2) return {{"labels", 1, labels}};
        return {{"labels", 1, labels}, {"small", 1, mean(square(step.logits))}};
      });
}

// One that the others never join is what an error of all may leave.
TEST_CASE("among ranks: all give up with a sum under way" * doctest::skip()) {
  std::vector<float> numbers(10);
  try {
    PendingSum sum;
    if (ranks().first()) sum = ranks().start_sum(std::span(numbers));
    fail("test", "nothing is left to learn");
  } catch (const Error& error) {
    CHECK(ranks().give_up(error.what()).size() == static_cast<std::size_t>(ranks().size()));
  }
}

TEST_CASE("an error of one process stops all, and is told with its rank") {
  if (!can_run_ranks()) return;
  const Finished run = among(2, {"an error of one"}, {"timeout", "60"});
  CHECK(run.exit_code != 0);
  CHECK(run.exit_code != 124);  // at once, that is
  CHECK(contains(run.err, "rank 1 of 2"));
  CHECK(contains(run.err, "test: the disk is full; all ranks stop"));
}

TEST_CASE("a loss that changes its terms on one rank stops all, with their names") {
  if (!can_run_ranks()) return;
  const Finished run = among(2, {"a term that comes"}, {"timeout", "60"});
  CHECK(run.exit_code != 0);
  CHECK(run.exit_code != 124);
  CHECK(contains(run.err, "rank 1 of 2"));
  CHECK(contains(run.err, "must have the same terms; this one has labels, small, before: labels"));
}

TEST_CASE("an error of all is told where MPI cannot be ended") {
  if (!can_run_ranks()) return;
  const Finished run = among(2, {"all give up"}, {"timeout", "60"});
  CHECK(run.exit_code != 0);
  CHECK(run.exit_code != 124);
  CHECK(ranks_at_the_end(run) == 2);
  CHECK(contains(run.err, "rank 0 of 2"));
  CHECK(contains(run.err, "test: nothing is left to learn; all ranks stop"));
}

TEST_CASE("a training of which a process is killed goes on to the same bits") {
  if (!can_run_ranks()) return;
  const Folder folder, untouched;
  const auto run_in = [](const Folder& place, int count, std::vector<std::string> before = {}) {
    before.insert(before.begin(), "LIMBECK_TEST_FOLDER=" + place.path());
    return among(count, {"a training that can"}, before);
  };
  const Finished killed = run_in(folder, 3, {"LIMBECK_TEST_KILL=8", "timeout", "60"});
  CHECK(killed.exit_code != 0);
  CHECK(killed.exit_code != 124);
  CHECK(std::filesystem::exists(folder.file("training.checkpoint")));
  CHECK_FALSE(std::filesystem::exists(folder.file("weights")));
  std::filesystem::copy(folder.file("training.checkpoint"), untouched.file("training.checkpoint"));
  const Finished again = run_in(folder, 3);
  CHECK(again.exit_code == 0);
  CHECK(ranks_at_the_end(again) == 3);
  const Bytes weights = read_all(folder.file("weights"));
  CHECK(run_in(untouched, 2).exit_code == 0);  // another number of them goes on, too
  std::filesystem::remove(untouched.file("training.checkpoint"));
  CHECK(run_in(untouched, 3).exit_code == 0);
  CHECK(read_all(untouched.file("weights")) == weights);
}
