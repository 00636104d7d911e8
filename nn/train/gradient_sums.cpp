#include "nn/train/gradient_sums.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace limbeck::detail {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::span<real> part_of(std::span<real> row, Index begin, Index end) {
  return row.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
}

}  // namespace

GradientSums::GradientSums(const Ranks& ranks, std::vector<Tensor> parameters, Index bucket)
    : ranks_(ranks), parameters_(std::move(parameters)), bucket_(bucket) {}

// A sum that an error has left alone may still write there.
GradientSums::~GradientSums() {
  static std::vector<Tensor> kept;
  if (oldest_ < next_) kept.push_back(row_);
}

// Anew where parameters have been frozen, or are no longer.
void GradientSums::lay_out() {
  std::vector<Tensor> learning;
  for (const Tensor& parameter : parameters_) {
    if (parameter.wants_grad()) learning.push_back(parameter);
  }
  const auto same = [](const Tensor& a, const Tensor& b) { return &a.body() == &b.body(); };
  if (row_.defined() && std::ranges::equal(learning, learning_, same)) return;
  learning_ = std::move(learning);
  places_.assign(learning_.size(), 0);
  Index size = 0;
  for (std::size_t i = learning_.size(); i-- > 0; size += learning_[i].size()) places_[i] = size;
  const Index flags = static_cast<Index>(learning_.size());
  row_ = Tensor::zeros({size + flags});
  numbers_ = row_.values();
  buckets_.clear();
  for (Index begin = 0; begin < size; begin += bucket_) {
    buckets_.emplace_back(begin, std::min(begin + bucket_, size));
  }
  buckets_.emplace_back(size, size + flags);
  taken_ = std::vector<std::atomic<Index>>(learning_.size());
}

void GradientSums::begin() {
  for (Bucket& bucket : buckets_) bucket.left = bucket.end - bucket.begin;
  for (std::atomic<Index>& taken : taken_) taken = 0;
  next_ = oldest_ = 0;
  starter_ = std::this_thread::get_id();
}

void GradientSums::take(Index at, std::span<const real> gradient) {
  const Index end = at + static_cast<Index>(gradient.size());
  std::ranges::copy(gradient, part_of(numbers_, at, end).begin());
  for (auto b = static_cast<std::size_t>(at / bucket_); at < end; ++b) {
    const Index until = std::min(end, buckets_[b].end);
    buckets_[b].left -= until - at;
    at = until;
  }
  if (std::this_thread::get_id() == starter_) start_full_ones();
}

// In order, the same on every rank.
void GradientSums::start_full_ones() {
  for (; next_ < buckets_.size() && buckets_[next_].left == 0; ++next_) {
    const Bucket& bucket = buckets_[next_];
    buckets_[next_].sum = ranks_.start_sum(part_of(numbers_, bucket.begin, bucket.end));
  }
  while (oldest_ < next_ && buckets_[oldest_].sum.done()) ++oldest_;
}

// What has not come is 0 here.
void GradientSums::finish() {
  const auto start = Clock::now();
  std::vector<real> flags;
  for (std::size_t i = 0; i < learning_.size(); ++i) {
    const Index size = learning_[i].size();
    flags.push_back(taken_[i] == size ? real{1} : real{0});
    if (taken_[i] == size) continue;
    std::ranges::fill(part_of(numbers_, places_[i], places_[i] + size), real{0});
  }
  for (Bucket& bucket : buckets_) bucket.left = 0;
  std::ranges::copy(flags, part_of(numbers_, buckets_.back().begin, buckets_.back().end).begin());
  start_full_ones();
  for (Bucket& bucket : buckets_) bucket.sum.wait();
  oldest_ = next_;
  const std::span<const real> given = part_of(numbers_, buckets_.back().begin, buckets_.back().end);
  for (std::size_t i = 0; i < learning_.size(); ++i) {
    learning_[i].body().grad =
        given[i] > 0 ? row_.view(learning_[i].shape(), places_[i]) : Tensor();
  }
  seconds_waiting_ += seconds_since(start);
}

void GradientSums::backward(const Tensor& loss) {
  const auto start = Clock::now();
  lay_out();
  begin();
  std::vector<GradientSink> sinks;
  for (std::size_t i = 0; i < learning_.size(); ++i) {
    learning_[i].clear_grad();
    sinks.push_back({learning_[i], [this, i](Index begin, std::span<const real> gradient) {
                       taken_[i] += static_cast<Index>(gradient.size());
                       take(places_[i] + begin, gradient);
                     }});
  }
  backward_into(loss, sinks);
  seconds_backward_ += seconds_since(start);
  finish();
}

void GradientSums::sum() {
  lay_out();
  begin();
  for (std::size_t i = learning_.size(); i-- > 0;) {
    if (!learning_[i].has_grad()) continue;
    const Tensor gradient = learning_[i].grad();
    taken_[i] = gradient.size();
    take(places_[i], gradient.values());
  }
  finish();
}

}  // namespace limbeck::detail
