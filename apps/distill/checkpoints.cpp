#include "apps/distill/checkpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace limbeck {
namespace {

constexpr const char* ending = ".checkpoint";

bool has_checkpoints(const std::string& folder) {
  const std::filesystem::directory_iterator files(folder);
  return std::ranges::any_of(files, [](const auto& f) { return f.path().extension() == ending; });
}

}  // namespace

Checkpoints::Checkpoints(const DistillSettings& settings) {
  folder_ = settings.resume.empty() ? settings.checkpoint : settings.resume;
  if (folder_.empty()) return;
  if (settings.is_first()) look_into_folder(settings);
  nlohmann::ordered_json options = to_json(settings);
  // What a training knows by itself is left to it: the images, however their folder is called, and
  // the teacher, whatever its file.
  for (const char* const path : {"data", "teacher_weights", "teacher_logits", "teacher_onnx"}) {
    options.erase(path);
  }
  // Who works on it changes the last bits of its numbers at most.
  options.erase("threads");
  options.erase("ranks");
  for (const auto& [option, value] : options.items()) run_[option] = value.dump();
  run_["element"] = sizeof(real) == sizeof(float) ? "float" : "double";
  signal_.emplace();
}

void Checkpoints::look_into_folder(const DistillSettings& settings) const {
  const bool there = has_checkpoints(folder_);
  if (settings.resume.empty() && there) {
    fail("--checkpoint", "{0} has checkpoints of a run; go on with --resume {0}, or name another",
         folder_);
  }
  if (!settings.resume.empty() && !there) fail("--resume", "{} has no checkpoints", folder_);
}

CheckpointOptions Checkpoints::of(const std::string& network) const {
  if (folder_.empty()) return {};
  return {.file = folder_ + "/" + network + ending, .run = run_, .stop = StopSignal::came};
}

}  // namespace limbeck
