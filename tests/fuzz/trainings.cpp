// What trainings and studies keep, to go on after a stop: checkpoints, finished runs, logs.
#include <filesystem>
#include <map>

#include "apps/common/run_log.h"
#include "apps/study/runs.h"
#include "core/files/safetensors.h"
#include "nn/models.h"
#include "nn/train/trainer.h"
#include "tests/data/idx_files.h"
#include "tests/fuzz/fuzz.h"

namespace limbeck::fuzz {
namespace {

constexpr Index epochs = 3;

// A training of milliseconds that goes on from a file, if it is there.
std::vector<EpochReport> train(const std::string& file, Index batches) {
  const Dataset data{.image = {1, 2, 2},
                     .classes = 2,
                     .pixels = {9, 0, 0, 9, 0, 9, 9, 0, 8, 1, 1, 7, 0, 6, 7, 0},
                     .class_ids = {0, 1, 0, 1}};
  Rng rng(1);
  Sequential model = mlp({4, 2, 2}, {.dropout = 0.5}, rng);
  TrainOptions options{.epochs = epochs, .batch_size = 2, .weight_average = 0.5};
  options.checkpoint.file = file;
  options.checkpoint.run = {{"program", "fuzz"}};
  options.checkpoint.stop = [&batches] { return --batches == 0; };
  return train_classifier(model, data, options);
}

// The file of that training in the midst of its second epoch.
const TensorFile& right_checkpoint() {
  static const TensorFile content = [] {
    const std::string path = path_of("right.safetensors");
    accepted([&] { train(path, 3); });
    return read_safetensors(path);
  }();
  return content;
}
const std::string& right_bytes() {
  static const std::string bytes = [] {
    right_checkpoint();
    return testing::read_all(path_of("right.safetensors"));
  }();
  return bytes;
}

}  // namespace

void run_checkpoint(std::string_view bytes) {
  Choices choices(bytes);
  const std::string path = path_of("checkpoint");
  const char* const keys[] = {"position", "training", "run"};
  const Index mode = choices.below(5);
  if (mode < 3) {  // any text for one of the three
    TensorFile content = right_checkpoint();
    content.metadata[keys[mode]] = choices.rest();
    if (!accepted([&] { write_safetensors(path, content, StoredAs::own); })) return;
  } else if (mode == 3) {  // some bytes are others, and the end may be missing
    std::string file = right_bytes();
    for (Index n = 1 + choices.below(4); n > 0; --n) {
      const auto high = static_cast<std::size_t>(choices.byte());
      const std::size_t at = high << 8 | choices.byte();
      file[at % file.size()] = static_cast<char>(choices.byte());
    }
    file.resize(file.size() - std::min<std::size_t>(choices.byte(), file.size()));
    file_of("checkpoint", file);
  } else {
    file_of("checkpoint", choices.rest());
  }
  const CheckpointOptions options{.file = path, .run = {{"program", "fuzz"}}};
  accepted([&] { must(epochs_done(options) >= 0, "epochs are counted from 0 on"); });
  accepted([&] {
    const auto reports = train(path, 1'000'000);
    must(static_cast<Index>(reports.size()) == epochs, "a training has not the epochs asked for");
    must(epochs_done(options) == epochs, "a training that is over does not say so");
  });
}

void run_runs(std::string_view bytes) {
  const std::string path = file_of("runs.jsonl", bytes);
  const Json run = {{"seed", 1}}, result = {{"errors", 7}};
  accepted([&] {
    RunFile file(path);
    const bool there = file.find(run) != nullptr;
    if (!there) file.add(run, result);
    const RunFile again(path);
    must(again.find(run) != nullptr, "a run that was added is not there");
    must(there || *again.find(run) == result, "a run's result is another");
  });
}

void run_logs(std::string_view bytes) {
  Choices choices(bytes);
  const Index done = choices.below(4);
  const std::string table = choices.text(), events = choices.rest();
  const std::string folder = path_of("log");
  std::filesystem::remove_all(folder);  // a finding leaves it
  std::filesystem::create_directories(folder + "/student");
  file_of("log/epochs.csv", choices.below(2) == 0 ? table : "network,epoch\n" + table);
  file_of("log/student/events.out.tfevents.1.host", events);
  const auto all = [&] {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      const std::string path = entry.path().string();
      if (entry.is_regular_file()) files[path] = testing::read_all(path);
    }
    return files;
  };
  accepted([&] {
    RunLog log(folder, LogStart::resumed);
    TrainOptions options;
    log.follow(options, "student", 4.0, done);
    const auto before = all();
    TrainOptions again;
    RunLog(folder, LogStart::resumed).follow(again, "student", 4.0, done);
    must(done == 0 || all() == before, "a log that goes on twice is another");
    options.on_epoch({.epoch = done + 1, .epochs = 5, .loss = 1, .errors = 3});
    TrainOptions later;
    RunLog(folder, LogStart::resumed).follow(later, "student", 4.0, done);
    must(done == 0 || all() == before, "an epoch that was not kept is in the log");
  });
}

}  // namespace limbeck::fuzz
