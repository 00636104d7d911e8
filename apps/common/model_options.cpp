#include "apps/common/model_options.h"

#include "core/error.h"
#include "data/channel_statistics.h"

namespace limbeck {

ModelOptions model_options(const std::string& spec, const Dataset& train, double dropout) {
  ModelOptions options{.dropout = dropout};
  if (!is_normalized(spec)) return options;
  const ChannelStatistics channels = train.channels ? *train.channels : channel_statistics(train);
  for (std::size_t c = 0; c < channels.deviation.size(); ++c) {
    if (channels.deviation[c] > 0) continue;
    fail(normalize_prefix, "channel {} is {:.4g} in all training images: there is no deviation", c,
         channels.mean[c]);
  }
  options.channels = {.mean = channels.mean, .deviation = channels.deviation};
  return options;
}

}  // namespace limbeck
