#include "apps/distill/checkpoints.h"

#include <fmt/format.h>
#include <zlib.h>

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

// Images that are others than they were would go unnoticed by their number alone.
std::string checksum(const Dataset& data) {
  const auto* const labels = reinterpret_cast<const Bytef*>(data.class_ids.data());
  uLong sum = crc32_z(0, data.pixels.data(), data.pixels.size());
  sum = crc32_z(sum, labels, data.class_ids.size() * sizeof(data.class_ids[0]));
  return fmt::format("{:08x}", sum);
}

}  // namespace

Checkpoints::Checkpoints(const DistillSettings& settings, const Dataset& train) {
  folder_ = settings.resume.empty() ? settings.checkpoint : settings.resume;
  if (folder_.empty()) return;
  const bool there = has_checkpoints(folder_);
  if (settings.resume.empty() && there) {
    fail("--checkpoint", "{0} has checkpoints of a run; go on with --resume {0}, or name another",
         folder_);
  }
  if (!settings.resume.empty() && !there) fail("--resume", "{} has no checkpoints", folder_);
  const nlohmann::ordered_json options = to_json(settings);
  for (const auto& [option, value] : options.items()) run_[option] = value.dump();
  run_["training_images"] = checksum(train);
  run_["element"] = sizeof(real) == sizeof(float) ? "float" : "double";
  signal_.emplace();
}

CheckpointOptions Checkpoints::of(const std::string& network) const {
  if (folder_.empty()) return {};
  return {.file = folder_ + "/" + network + ending, .run = run_, .stop = StopSignal::came};
}

}  // namespace limbeck
