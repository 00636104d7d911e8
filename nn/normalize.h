// Normalize: the input's channels brought to a common scale by numbers that are given.
#pragma once

#include <vector>

#include "nn/module.h"

namespace limbeck {

// y = (x − mean_c) / deviation_c for each channel c: (N, C, …) → (N, C, …), and with one channel
// any shape. Nothing is learned: mean and deviation, both (C), are buffers, saved and loaded with
// the weights, so that a network carries with it what its input must look like.
//
//   const ChannelStatistics channels = channel_statistics(train);    // data/channel_statistics.h
//   Sequential net(Normalize({.mean = channels.mean, .deviation = channels.deviation}), …);
//
// Error: no channels, another number of means than of deviations, a mean that is not finite, a
// deviation that is not above 0; in a call, an input with another number of channels.
class Normalize : public Module {
 public:
  // The numbers of each channel.
  struct Options {
    std::vector<double> mean;       // C of them
    std::vector<double> deviation;  // likewise
  };
  explicit Normalize(const Options& options);

  std::string describe() const override;  // "Normalize(3)": channels

  Tensor mean;       // (C)
  Tensor deviation;  // (C)

 protected:
  Tensor forward(const Tensor& x) override;
  void parts(Parts& parts) override;
};

}  // namespace limbeck
