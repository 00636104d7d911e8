#include "apps/common/step_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace limbeck {
namespace {

constexpr const char* in_step_model = "step_model";

// What a sum costs of both: bytes over the bandwidth, and rounds.
double bytes_sent(double bytes, int ranks) {
  return bytes * 2 * (ranks - 1) / ranks;
}

double rounds(int ranks) {
  return std::log2(static_cast<double>(ranks));
}

}  // namespace

double sum_seconds(double bytes, int ranks, const Wire& wire) {
  if (ranks < 1) fail(in_step_model, "there must be at least one rank; got {}", ranks);
  return bytes_sent(bytes, ranks) / wire.bandwidth + wire.latency * rounds(ranks);
}

double step_seconds(const StepWork& work, int ranks, const Wire& wire) {
  const double sum = sum_seconds(work.bytes, ranks, wire);
  const double own = work.fixed + (work.seconds - work.fixed) / ranks;
  return own + std::max(0.0, sum - work.hidden_share * own);
}

// seconds = x / bandwidth + y · latency, each equation divided by its seconds: a x' + b y' = 1.
Wire fit_wire(std::span<const MeasuredSum> sums) {
  if (sums.size() < 2)
    fail(in_step_model, "a wire is found from at least two sums; got {}", sums.size());
  double xx = 0, xy = 0, yy = 0, x1 = 0, y1 = 0;
  for (const MeasuredSum& sum : sums) {
    if (sum.ranks < 2 || !(sum.seconds > 0)) {
      fail(in_step_model, "a sum takes two ranks and some time; got {} and {} s", sum.ranks,
           sum.seconds);
    }
    const double x = bytes_sent(sum.bytes, sum.ranks) / sum.seconds;
    const double y = rounds(sum.ranks) / sum.seconds;
    xx += x * x, xy += x * y, yy += y * y, x1 += x, y1 += y;
  }
  const double determinant = xx * yy - xy * xy;
  if (!(determinant > 1e-12 * xx * yy)) {
    fail(in_step_model, "sums of one size on as many ranks do not tell bandwidth from latency");
  }
  double a = (x1 * yy - y1 * xy) / determinant, b = (y1 * xx - x1 * xy) / determinant;
  if (a < 0) a = 0, b = y1 / yy;
  if (b < 0) b = 0, a = x1 / xx;
  return {.bandwidth = a > 0 ? 1 / a : std::numeric_limits<double>::infinity(), .latency = b};
}

}  // namespace limbeck
