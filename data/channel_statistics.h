// What the pixels of a dataset are like, channel by channel.
#pragma once

#include "data/dataset.h"

namespace limbeck {

// Of all images. Exact: the bytes are counted, and the sums taken over their 256 values.
//
//   train.channels = channel_statistics(train);    // a network's Normalize takes them from there
//
// Error: no images, images that are not (C, H, W), or what Dataset::check finds.
ChannelStatistics channel_statistics(const Dataset& data);

}  // namespace limbeck
