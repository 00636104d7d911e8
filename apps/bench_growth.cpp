// bench_growth: how the time of a step grows with the batch, the width of the network and the
// number of threads.
#include <fmt/format.h>

#include "apps/common/program.h"
#include "apps/common/timing.h"
#include "core/autograd.h"
#include "core/parallel.h"
#include "core/text.h"
#include "nn/losses.h"
#include "nn/model_spec.h"
#include "optim/adam.h"

using namespace limbeck;

namespace {

const Shape image{1, 28, 28};
constexpr double ms_a_mean = 100;

// A training step or, without training, the forward pass, on n images of noise.
double ms_a_step(const std::string& spec, Index n, bool training) {
  Rng rng(0);
  Sequential model = make_model(spec, image, 10, {}, rng);
  const Tensor images = uniform(image.with_front(n), 0, 1, rng);
  const std::vector<std::int32_t> class_ids(static_cast<std::size_t>(n), 3);
  Adam adam(model.parameters());
  return best_ms(ms_a_mean, [&] {
    if (training) {
      adam.minimize(cross_entropy(model(images), class_ids));
    } else {
      const NoGrad no_grad;
      model(images);
    }
  });
}

// A line of the table: the time with each number of threads, the images a second of the fastest,
// and how often a second the products' multiply-adds (forward, and for training as much twice
// again) are done.
void print_line(const std::string& what, const std::string& spec, Index n, bool training,
                const std::vector<int>& thread_counts) {
  std::string line = fmt::format("{:<22}", what);
  double best = INFINITY;
  for (const int count : thread_counts) {
    set_threads(count);
    const double ms = ms_a_step(spec, n, training);
    best = std::min(best, ms);
    line += fmt::format("{:>12.4f}", ms);
  }
  Rng rng(0);
  Sequential model = make_model(spec, image, 10, {}, rng);
  const auto work = static_cast<double>(multiply_adds(model, image) * n * (training ? 3 : 1));
  line += fmt::format("{:>14}{:>10.1f}",
                      thousands(static_cast<Index>(static_cast<double>(n) / best * 1e3)),
                      work / best * 1e-6);
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

void print_head(const std::string& title, const std::vector<int>& thread_counts) {
  fmt::print("\n{}\n{:<22}", title, "");
  for (const int count : thread_counts) {
    fmt::print("{:>12}", fmt::format("ms, {} thr.", count));
  }
  fmt::print("{:>14}{:>10}\n", "images/s", "GMAC/s");
}

void print_growth(int most_threads) {
  std::vector<int> thread_counts;
  for (int count = 1; count <= most_threads; count *= 2) thread_counts.push_back(count);
  const auto by_batch = [&](const std::string& spec, bool training) {
    print_head(fmt::format("{} of {} by batch", training ? "Training step" : "Inference", spec),
               thread_counts);
    for (const Index n : {1, 4, 16, 64, 128, 256, 1024}) {
      print_line(fmt::format("batch {}", n), spec, n, training, thread_counts);
    }
  };
  by_batch("mlp:800,800", true);
  by_batch("mlp:800,800", false);
  by_batch("cnn:8,16,32", true);
  by_batch("cnn:8,16,32", false);
  print_head("Training step of mlp:W,W on a batch of 128 by width", thread_counts);
  for (const Index width : {64, 128, 256, 512, 1024, 2048, 4096}) {
    print_line(fmt::format("width {}", width), fmt::format("mlp:{},{}", width, width), 128, true,
               thread_counts);
  }
}

}  // namespace

int main(int argc, char** argv) {
  int most_threads = threads();
  return run_program({.name = "bench_growth",
                      .description = "Times training steps and inference for growing batches and "
                                     "widths, on 1, 2, 4, ... threads. "
                                     "The best of five means counts.",
                      .add_options =
                          [&](Options& options) {
                            options.add("--threads", most_threads, "The most threads")
                                .type("N")
                                .show_default()
                                .check(at_least_1());
                          },
                      .work = [&] { print_growth(most_threads); }},
                     argc, argv);
}
