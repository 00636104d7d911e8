// Gradients summed over ranks while backward goes on. For the loop alone (nn/train/trainer.cpp).
//
// All gradients lie in one row of memory, those of the last parameters first, since backward comes
// to them first, and the row is cut into buckets of a megabyte. A bucket's sum is started when
// backward has filled it, so that it is under way while the gradients of the layers below are
// worked out (Li et al., "PyTorch Distributed: Experiences on Accelerating Data Parallel Training",
// VLDB 2020, section 3.2).
#pragma once

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

#include "core/gradient_sink.h"
#include "nn/train/ranks.h"

namespace limbeck::detail {

// Of one set of parameters.
class GradientSums {
 public:
  static constexpr Index usual_bucket = 1 << 18;  // numbers

  GradientSums(const Ranks& ranks, std::vector<Tensor> parameters, Index bucket = usual_bucket);

  ~GradientSums();
  GradientSums(const GradientSums&) = delete;
  GradientSums& operator=(const GradientSums&) = delete;

  // loss.backward() on every rank: each parameter's grad() is then the sum of theirs, and none
  // where none of them has one. What there was of gradients before is gone.
  void backward(const Tensor& loss);
  // The same for the gradients that the parameters have already.
  void sum();

  // Of all calls: seconds in backward with what was summed meanwhile, and then in waiting for the
  // rest.
  double seconds_backward() const { return seconds_backward_; }
  double seconds_waiting() const { return seconds_waiting_; }

 private:
  struct Bucket {
    Bucket(Index from, Index to) : begin(from), end(to) {}

    Index begin, end;            // in the row
    std::atomic<Index> left{0};  // numbers that have not come yet
    PendingSum sum;
  };

  void lay_out();
  void begin();
  // Elements of the parameter whose gradient begins at `at` in the row.
  void take(Index at, std::span<const real> gradient);
  void start_full_ones();
  void finish();

  const Ranks& ranks_;
  const std::vector<Tensor> parameters_;
  const Index bucket_;
  std::vector<Tensor> learning_;  // those that want a gradient
  std::vector<Index> places_;     // of their gradients in the row
  Tensor row_;                    // the gradients, and then for each whether there is one
  std::span<real> numbers_;       // of it
  std::deque<Bucket> buckets_;
  std::size_t next_ = 0;                   // of which no sum has been started
  std::size_t oldest_ = 0;                 // of which the sum may be under way
  std::vector<std::atomic<Index>> taken_;  // numbers of each parameter
  std::thread::id starter_;                // the thread that speaks with the other ranks
  double seconds_backward_ = 0, seconds_waiting_ = 0;
};

}  // namespace limbeck::detail
