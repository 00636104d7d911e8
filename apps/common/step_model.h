// A model of how long a training step takes on many ranks, which each do a share of the batch and
// sum their gradients over a wire:
//
//   t(r) = fixed + work / r + max(0, bytes · 2 (r − 1) / (r · bandwidth) + latency · log₂ r −
//   hidden)
//
// What is fixed each rank does in full: the optimizer moves all weights, whatever the batch.
// Each rank sends and receives 2 (r − 1) / r of the gradients' bytes, the least that any way of
// summing can do (Patarasuk, Yuan: "Bandwidth optimal all-reduce algorithms for clusters of
// workstations", 2009); the latency is that of a tree's log₂ r rounds; and what of it goes on
// beside the backward pass costs no time.
#pragma once

#include <span>

namespace limbeck {

// What lies between the ranks.
struct Wire {
  double bandwidth = 0;  // bytes a second, of one rank
  double latency = 0;    // seconds a round
};

// Seconds that a sum of so many bytes takes over r ranks, by itself. Error: r < 1.
double sum_seconds(double bytes, int ranks, const Wire& wire);

// A network and a batch.
struct StepWork {
  double seconds = 0;       // of a step on one rank, with the whole batch: fixed + work
  double fixed = 0;         // of these, the optimizer's
  double bytes = 0;         // of gradients
  double hidden_share = 0;  // of a rank's step, how much can have a sum going on beside it
};

// Seconds of a step whose batch r ranks share. For a batch that grows with the ranks (weak scaling)
// the work is r times that of one rank's part.
double step_seconds(const StepWork& work, int ranks, const Wire& wire);

// A sum that was measured.
struct MeasuredSum {
  double bytes = 0;
  int ranks = 2;
  double seconds = 0;
};

// The wire that such sums went over: bandwidth and latency with the least sum of squared relative
// errors, neither below 0 (a bandwidth that no sum shows is infinite). Error: fewer than two sums,
// one of fewer than two ranks or of no time, or all of one size on as many ranks.
Wire fit_wire(std::span<const MeasuredSum> sums);

}  // namespace limbeck
