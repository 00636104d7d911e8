// What the pixels of a dataset are like, channel by channel.
#pragma once

#include <vector>

#include "data/dataset.h"

namespace limbeck {

// Of each channel's values, which a batch has in [0, 1].
struct ChannelStatistics {
  std::vector<double> mean;       // C of them, μ
  std::vector<double> deviation;  // √(Σ (x − μ)² / n), over the channel's n values in all images
};

// Of all images. Exact: the bytes are counted, and the sums taken over their 256 values.
// Error: no images, images that are not (C, H, W), or what Dataset::check finds.
ChannelStatistics channel_statistics(const Dataset& data);

}  // namespace limbeck
