#include "data/channel_statistics.h"

#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("the statistics of a dataset's channels, by hand and as its batches have them") {
  // Two images of two channels of 1 × 2 pixels: the first has 0, 255, 255, 0, the second 51, 51,
  // 51, 153, which are 0.2 and 0.6.
  const Dataset data{.image = {2, 1, 2},
                     .classes = 2,
                     .pixels = {0, 255, 51, 51, 255, 0, 51, 153},
                     .class_ids = {0, 1}};
  const ChannelStatistics channels = channel_statistics(data);
  REQUIRE(channels.mean.size() == 2);
  CHECK(channels.mean[0] == doctest::Approx(0.5));
  CHECK(channels.deviation[0] == doctest::Approx(0.5));
  CHECK(channels.mean[1] == doctest::Approx(0.3));
  CHECK(channels.deviation[1] == doctest::Approx(std::sqrt(0.03)));  // (3 · 0.01 + 0.09) / 4
}

TEST_CASE("statistics are of images: some, with channels") {
  CHECK(error_of([] {
          channel_statistics({.image = {1, 2, 2}, .classes = 1, .pixels = {}, .class_ids = {}});
        }) == "channel_statistics: images (C, H, W) are needed; got 0 of (1, 2, 2)");
  CHECK(error_of([] {
          channel_statistics(
              {.image = {2, 2}, .classes = 1, .pixels = {1, 2, 3, 4}, .class_ids = {0}});
        }) == "channel_statistics: images (C, H, W) are needed; got 1 of (2, 2)");
}

TEST_CASE("a dataset that holds its statistics gives them to its parts") {
  Dataset data{.image = {1, 1, 2}, .classes = 2, .pixels = {0, 255, 51, 51}, .class_ids = {0, 1}};
  Rng rng(1);
  CHECK_FALSE(data.sample(1, rng).channels.has_value());
  data.channels = channel_statistics(data);
  const Dataset part = data.sample(1, rng);
  REQUIRE(part.channels.has_value());
  CHECK(part.channels->mean == data.channels->mean);  // of all, not of the one
  CHECK(part.channels->deviation == data.channels->deviation);
}
