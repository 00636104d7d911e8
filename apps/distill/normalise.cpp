#include "apps/distill/normalise.h"

#include "core/error.h"
#include "data/channel_statistics.h"
#include "nn/model_spec.h"

namespace limbeck {
namespace {

bool begins_so(const std::string& spec) {
  return spec.starts_with(normalize_prefix);
}

void begin_so(std::string& spec) {
  if (!begins_so(spec)) spec = normalize_prefix + spec;
}

}  // namespace

DistillSettings with_normalise(DistillSettings settings) {
  if (!settings.normalise) return settings;
  if (settings.teacher_weights.empty()) begin_so(settings.teacher);
  begin_so(settings.student);
  return settings;
}

std::optional<ChannelStatistics> channels_for(const DistillSettings& settings,
                                              const Dataset& train) {
  if (!begins_so(settings.teacher) && !begins_so(settings.student)) return std::nullopt;
  ChannelStatistics channels = channel_statistics(train);
  for (std::size_t c = 0; c < channels.deviation.size(); ++c) {
    if (channels.deviation[c] > 0) continue;
    fail("--normalise", "channel {} is {:.4g} in all training images: there is no deviation", c,
         channels.mean[c]);
  }
  return channels;
}

}  // namespace limbeck
