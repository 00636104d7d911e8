// The checkpoints of a run of several trainings: a file each, in one folder.
#pragma once

#include <optional>
#include <string>

#include "apps/common/stop_signal.h"
#include "apps/distill/settings.h"
#include "nn/train/checkpoint.h"

namespace limbeck {

// While it lives, Ctrl-C and SIGTERM stop the training under way after its batch.
class Checkpoints {
 public:
  // Nothing is kept if the settings name no folder. Error: --checkpoint with a folder that has
  // checkpoints already, --resume with one that has none. (Of ranks the first looks.)
  explicit Checkpoints(const DistillSettings& settings);

  // Of the training of this network: "teacher", "student-hard".
  CheckpointOptions of(const std::string& network) const;
  // The folder; empty: nothing is kept.
  const std::string& folder() const { return folder_; }

 private:
  void look_into_folder(const DistillSettings& settings) const;

  std::string folder_;
  std::map<std::string, std::string> run_;
  std::optional<StopSignal> signal_;
};

}  // namespace limbeck
