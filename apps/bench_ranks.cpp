// bench_ranks: what sums of gradients over ranks cost, and what more ranks would bring.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/common/program.h"
#include "apps/common/say.h"
#include "apps/common/step_model.h"
#include "apps/common/timing.h"
#include "apps/study/chart.h"
#include "apps/study/table.h"
#include "core/files/file.h"
#include "core/function_ref.h"
#include "core/parallel.h"
#include "core/processors.h"
#include "nn/losses.h"
#include "nn/model_spec.h"
#include "nn/train/gradient_sums.h"
#include "nn/train/ranks.h"
#include "nn/train/trainer.h"
#include "optim/adam.h"

using namespace limbeck;

namespace {

constexpr Index batch_size = 128;  // of a step on one rank
constexpr Index steps = 2;         // timed together: the shortest is the least disturbed
constexpr Index strong_batches = 64;

struct Asked {
  std::vector<std::string> specs = {"mlp:1200,1200", "cnn:32,64,512", "cnn-large"};
  int rounds = 20;
  double overlap = 0.5;
  std::string svg;
};

// A network between ranks, as people name it. Latencies are those of TCP, of good TCP, of RDMA.
struct NamedWire {
  const char* name;
  Wire wire;
};
constexpr NamedWire wires[] = {{"1 Gbit/s", {.bandwidth = 0.125e9, .latency = 50e-6}},
                               {"10 Gbit/s", {.bandwidth = 1.25e9, .latency = 20e-6}},
                               {"100 Gbit/s", {.bandwidth = 12.5e9, .latency = 5e-6}}};

// Noise: what is in the images costs no time.
Dataset noise(Index images) {
  Rng rng(1);
  Dataset set{.image = {1, 28, 28}, .classes = 10, .pixels = {}, .class_ids = {}};
  for (Index i = 0; i < images * 28 * 28; ++i) {
    set.pixels.push_back(static_cast<std::uint8_t>(rng.below(256)));
  }
  for (Index i = 0; i < images; ++i) {
    set.class_ids.push_back(static_cast<std::int32_t>(rng.below(10)));
  }
  return set;
}

// Seconds of a step of a training on this batch, over the ranks or by this one.
double seconds_of_step(Sequential& network, const Dataset& set, Index batch, Ranks* ranks) {
  const std::vector<EpochReport> epochs =
      train_classifier(network, set, {.epochs = 1, .batch_size = batch, .ranks = ranks});
  return epochs.front().seconds * static_cast<double>(batch) / static_cast<double>(set.size());
}

// Seconds of a sum of so many floats, the least of several.
double seconds_of_sum(const Ranks& ranks, std::size_t size, int rounds) {
  std::vector<float> values(size, 1);
  double best = INFINITY;
  for (int round = 0; round < 3 * rounds; ++round) {
    ranks.barrier();
    best = std::min(best, ms_each(1, [&] { ranks.sum(std::span<float>(values)); }) / 1000);
    std::ranges::fill(values, 1.0F);
  }
  return best;
}

// The rank that is first does this with the processors of all, who sleep meanwhile.
void first_alone(const Ranks& ranks, FunctionRef<void()> work) {
  const int each = threads();
  if (ranks.first()) {
    set_threads(each * ranks.on_this_machine());
    work();
    set_threads(each);
    for (int rank = 1; rank < ranks.size(); ++rank) ranks.send(rank, "go on");
  } else {
    ranks.receive(0);
  }
}

// A network, measured.
struct Measured {
  std::string spec;
  Index parameters = 0;
  double alone = INFINITY;      // seconds of a step by one rank, with the threads of all
  double optimizer = INFINITY;  // of these, the optimizer's
  double shared = INFINITY;     // of the ranks together
  double part = INFINITY;       // of a rank's part of the batch, without any sum
  double sum = INFINITY;        // of the gradients, by itself
  double waiting = INFINITY;    // of it, when backward is over

  double bytes() const { return static_cast<double>(parameters) * sizeof(real); }
  // Of the sum, what goes on beside the backward pass.
  double hidden() const { return std::clamp(1 - waiting / sum, 0.0, 1.0); }
};

Measured measure(Ranks& ranks, const std::string& spec, int rounds) {
  const Dataset set = noise(steps * batch_size);
  const auto fresh = [&] {
    Rng rng(0);
    return make_model(spec, set.image, set.classes, {}, rng);
  };
  Sequential own = fresh(), common = fresh();  // of this rank; of all, with the same weights
  Adam adam(own.parameters());
  Measured m{.spec = spec, .parameters = own.parameter_count()};
  const auto least = [](double& value, double now) { value = std::min(value, now); };
  const Index part = batch_size / ranks.size();
  Rng rng(1);
  const Tensor images = uniform(set.image.with_front(part), 0, 1, rng);
  const std::vector<std::int32_t> class_ids(static_cast<std::size_t>(part), 3);
  detail::GradientSums sums(ranks, common.parameters());
  for (int round = 0; round <= rounds; ++round) {
    Measured now = m;
    first_alone(ranks, [&] {
      now.alone = seconds_of_step(own, set, batch_size, nullptr);
      cross_entropy(own(images), class_ids).backward();
      now.optimizer = ms_each(1, [&] { adam.step(); }) / 1000;
    });
    if (ranks.size() > 1) {
      ranks.barrier();
      now.shared = seconds_of_step(common, set, batch_size, &ranks);
      ranks.barrier();
      now.part = seconds_of_step(own, set, part, nullptr);
      const Tensor loss = cross_entropy(common(images), class_ids);
      const double waited = sums.seconds_waiting();
      sums.backward(loss);
      now.waiting = sums.seconds_waiting() - waited;
      ranks.barrier();
      now.sum = ms_each(1, [&] { sums.sum(); }) / 1000;
    }
    if (round == 0) continue;  // a warm-up
    least(m.alone, now.alone), least(m.shared, now.shared);
    least(m.part, now.part), least(m.optimizer, now.optimizer);
    least(m.sum, now.sum), least(m.waiting, now.waiting);
  }
  return m;
}

void tell_sums(const Ranks& ranks, int rounds, std::vector<MeasuredSum>& sums) {
  Table table;
  for (const std::size_t size : {1000U, 10'000U, 100'000U, 1'000'000U, 10'000'000U}) {
    const double seconds = seconds_of_sum(ranks, size, rounds);
    const double bytes = static_cast<double>(size) * sizeof(float);
    sums.push_back({bytes, ranks.size(), seconds});
    table.push_back({{"sum of", fmt::format("{:g} MB", bytes / 1e6)},
                     {"ms", 1000 * seconds},
                     {"GB/s", bytes * 2 * (ranks.size() - 1) / ranks.size() / seconds / 1e9}});
  }
  if (!ranks.first()) return;
  const Wire wire = fit_wire(sums);
  fmt::print("{}\nAs a wire: {:.3g} GB/s and {:.3g} µs a round.\n\n", text_of(table),
             wire.bandwidth / 1e9, 1e6 * wire.latency);
}

void tell_steps(const Ranks& ranks, const std::vector<Measured>& all, const Asked& asked,
                const std::vector<MeasuredSum>& sums) {
  const int together = threads() * ranks.on_this_machine();
  Table table;
  for (const Measured& m : all) {
    Row row = {{"network", m.spec},
               {"gradients, MB", m.bytes() / 1e6},
               {fmt::format("1 rank × {}, ms", together), 1000 * m.alone},
               {"optimizer", 1000 * m.optimizer}};
    if (ranks.size() > 1) {
      const StepWork work{.seconds = m.part,
                          .fixed = m.part,  // as it was measured: nothing is to be divided
                          .bytes = m.bytes(),
                          .hidden_share = asked.overlap};
      row[fmt::format("{} ranks × {}, ms", ranks.size(), threads())] = 1000 * m.shared;
      row["without sums"] = 1000 * m.part;
      row["a sum alone"] = 1000 * m.sum;
      row["hidden, %"] = 100 * m.hidden();
      row["by the model"] = 1000 * step_seconds(work, ranks.size(), fit_wire(sums));
    }
    table.push_back(row);
  }
  fmt::print("A training step on {} images\n{}\n", batch_size, text_of(table));
}

// By how much more ranks are faster: with one batch for all, and with one for each.
struct Scaling {
  double strong, weak;  // times the images a second of one rank
};

Scaling scaling(const Measured& m, int ranks, const Wire& wire, double overlap) {
  const StepWork strong{.seconds = m.optimizer + (m.alone - m.optimizer) * strong_batches,
                        .fixed = m.optimizer,
                        .bytes = m.bytes(),
                        .hidden_share = overlap};
  StepWork weak = strong;
  weak.seconds = m.optimizer + (m.alone - m.optimizer) * ranks;
  return {strong.seconds / step_seconds(strong, ranks, wire),
          ranks * m.alone / step_seconds(weak, ranks, wire)};
}

void foretell(const std::vector<Measured>& all, const Asked& asked) {
  fmt::print(
      "What the model says of more ranks, each a machine like this one ({} threads): by how many\n"
      "times the images of one rank are done in its time. Strong: a batch of {} for all together;\n"
      "weak: one of {} for each.\n",
      threads(), strong_batches * batch_size, batch_size);
  for (const Measured& m : all) {
    Table table;
    for (int ranks = 2; ranks <= 512; ranks *= 2) {
      Row row = {{"ranks", ranks}};
      for (const NamedWire& w : wires) {
        row[fmt::format("strong, {}", w.name)] = scaling(m, ranks, w.wire, asked.overlap).strong;
      }
      for (const NamedWire& w : wires) {
        row[fmt::format("weak, {}", w.name)] = scaling(m, ranks, w.wire, asked.overlap).weak;
      }
      table.push_back(row);
    }
    fmt::print("\n{}, {:.2f} ms a step alone, {:.3g} MB of gradients\n{}", m.spec, 1000 * m.alone,
               m.bytes() / 1e6, text_of(table));
  }
  fmt::print(
      "\nt(r) = optimizer + work / r +\n"
      "       max(0, bytes · 2 (r − 1) / (r · bandwidth) + latency · log₂ r − hidden)\n"
      "Assumed: work that divides evenly, a rank's part as fast an image as the whole; a wire "
      "that\n"
      "each rank has to itself; 50, 20 and 5 µs a round at 1, 10 and 100 Gbit/s; {:.0f} % of a "
      "step\nwith a sum beside it; ranks that are never late.\n",
      100 * asked.overlap);
}

Chart chart(const Measured& m, const Asked& asked) {
  Chart drawn{.title = fmt::format("{}: speed by ranks, of what is ideal", m.spec),
              .x_label = "ranks",
              .y_label = "%",
              .log_x = true};
  for (const NamedWire& w : wires) {
    Series strong{.name = fmt::format("strong, {}", w.name)};
    Series weak{.name = fmt::format("weak, {}", w.name)};
    for (int ranks = 2; ranks <= 512; ranks *= 2) {
      const Scaling s = scaling(m, ranks, w.wire, asked.overlap);
      strong.points.push_back({static_cast<double>(ranks), 100 * s.strong / ranks});
      weak.points.push_back({static_cast<double>(ranks), 100 * s.weak / ranks});
    }
    drawn.series.push_back(strong);
    drawn.series.push_back(weak);
  }
  return drawn;
}

void run(const Asked& asked) {
  Ranks ranks;
  if (batch_size % ranks.size() != 0) {
    fail("bench_ranks", "a batch of {} is to be shared evenly; got {} ranks", batch_size,
         ranks.size());
  }
  // Times of threads that share a processor say nothing: of each rank, and of the first alone.
  if (const int asks = threads() * ranks.on_this_machine(); asks > available_processors()) {
    say("{} may use {} of the processors, and {} threads are to be timed; mpirun --bind-to none "
        "leaves ranks free\n",
        ranks.name(), available_processors(), asks);
  }
  std::vector<MeasuredSum> sums;
  if (ranks.size() > 1) tell_sums(ranks, asked.rounds, sums);
  std::vector<Measured> all;
  for (const std::string& spec : asked.specs) all.push_back(measure(ranks, spec, asked.rounds));
  if (!ranks.first()) return;
  tell_steps(ranks, all, asked, sums);
  foretell(all, asked);
  if (!asked.svg.empty()) write_file("--svg", asked.svg, svg(chart(all.front(), asked)));
}

}  // namespace

int main(int argc, char** argv) {
  Asked asked;
  const auto add_options = [&](Options& options) {
    options.add("--network", asked.specs, "Networks to measure")
        .type("SPEC")
        .show_default()
        .check(check_model_spec);
    options.add("--rounds", asked.rounds, "Measurements of each, of which the least counts")
        .type("N")
        .show_default()
        .check(at_least_1());
    options.add("--overlap", asked.overlap, "The share of a step that has a sum beside it")
        .type("X")
        .show_default()
        .check(below_1());
    options.add("--svg", asked.svg, "A chart for the first network").type("FILE");
  };
  return run_program({.name = "bench_ranks",
                      .description = "Times sums of gradients over the ranks of mpirun and "
                                     "training steps with them, and "
                                     "says what more ranks would bring.",
                      .add_options = add_options,
                      .work = [&] { run(asked); }},
                     argc, argv);
}
