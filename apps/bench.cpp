// bench: how long a training step and an inference take, beside the time of their matrix products
// alone, which is the least that this machine's BLAS allows, and the least that its arithmetic
// does.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "apps/common/product_floor.h"
#include "apps/common/program.h"
#include "apps/common/timing.h"
#include "apps/study/table.h"
#include "core/autograd.h"
#include "core/error.h"
#include "core/files/file.h"
#include "core/function_ref.h"
#include "core/inspect/profile.h"
#include "core/kernels/multiply_add_peak.h"
#include "core/parallel.h"
#include "core/text.h"
#include "nn/distill/distillation_loss.h"
#include "nn/losses.h"
#include "nn/model_spec.h"
#include "optim/adam.h"

using namespace limbeck;

namespace {

constexpr double ms_a_mean = 200;
constexpr int rounds = 5;  // of each row; the best counts

// A line of the table: something to time, and the matrix products in it.
struct Work {
  std::string name;
  Index images;  // that one step handles
  std::function<void()> step;
  std::vector<Product> products;
};

struct Result {
  double ms;        // of a step
  double floor_ms;  // of its products alone
  double gflops;    // of its products, as they are defined, in the time of the step
  double share;     // of what the processor could do
};

double multiply_adds_of(const std::vector<Product>& products) {
  double sum = 0;
  for (const Product& p : products) {
    sum += static_cast<double>(p.sizes.m * p.sizes.n * p.sizes.k * std::max<Index>(p.images, 1));
  }
  return sum;
}

// As many calls as take about so long, at least one; after a warm-up.
int times_in(double ms, FunctionRef<void()> work) {
  ms_each(2, work);
  return static_cast<int>(std::clamp(ms / ms_each(1, work), 1.0, 1e5));
}

// Step and products take turns, so that both meet the same machine.
Result time(const Work& work) {
  const std::function<void()> products = bare(work.products);
  const int steps = times_in(ms_a_mean, work.step), times = times_in(ms_a_mean, products);
  double ms = INFINITY, floor_ms = INFINITY, peak = 0;
  for (int round = 0; round < rounds; ++round) {
    ms = std::min(ms, ms_each(steps, work.step));
    floor_ms = std::min(floor_ms, ms_each(times, products));
    peak = std::max(peak, multiply_add_peak());
  }
  const double rate = multiply_adds_of(work.products) / ms * 1e-6;
  return {.ms = ms, .floor_ms = floor_ms, .gflops = 2 * rate, .share = rate / peak};
}

// What the rows work on: networks with untrained weights, a batch of noise with random labels.
class Bench {
 public:
  explicit Bench(Index batch) : batch_(batch) {}

  std::vector<Work> all() {
    return {
        train("mlp_teacher_train", mlp_teacher_, batch_),
        train("mlp_student_train", mlp_student_, batch_),
        distill("mlp_distill", mlp_student_, mlp_teacher_, false),
        distill("mlp_distill_cached", mlp_student_, mlp_teacher_, true),
        train("tiny_train", tiny_, batch_),
        train("cnn_teacher_train", cnn_teacher_, batch_),
        train("cnn_student_train", cnn_student_, batch_),
        distill("cnn_distill", cnn_student_, cnn_teacher_, false),
        distill("cnn_distill_cached", cnn_student_, cnn_teacher_, true),
        train("mlp_student_train_32", mlp_student_, 32),
        train("mlp_student_train_512", mlp_student_, 512),
        train("cnn_student_train_32", cnn_student_, 32),
        train("cnn_large_train", cnn_large_, batch_),
        train("lenet5_train", lenet5_, batch_),
        train("separable_train", separable_, batch_),
        train("vit_train", vit_, batch_),
        infer("cnn_large_infer", cnn_large_trained_, batch_),
        infer("mlp_teacher_infer", mlp_teacher_, batch_),
        infer("cnn_teacher_infer", cnn_teacher_, batch_),
        infer("cnn_student_infer", cnn_student_, batch_),
        infer("tiny_infer_1", tiny_, 1),
        infer("cnn_student_infer_1", cnn_student_, 1),
    };
  }

 private:
  // The first n of the images and of their labels.
  Tensor images(Index n) const { return slice_rows(images_, 0, n); }
  std::span<const std::int32_t> class_ids(Index n) const {
    return std::span(class_ids_).first(static_cast<std::size_t>(n));
  }

  Work train(const std::string& name, Sequential& model, Index n) {
    return {name, n,
            [&model, x = images(n), ids = class_ids(n),
             adam = std::make_shared<Adam>(model.parameters())] {
              const Tensor loss = cross_entropy(model(x), ids);
              adam->minimize(loss);
            },
            training_products(model, image, n)};
  }

  // With the teacher's forward pass in the step, or its logits from a cache.
  Work distill(const std::string& name, Sequential& student, Sequential& teacher, bool cached) {
    const auto ask = [x = images(batch_), &teacher] {
      const NoGrad no_grad;
      return teacher(x);
    };
    std::vector<Product> products = training_products(student, image, batch_);
    if (!cached) {
      for (const Product& p : forward_products(teacher, image, batch_)) products.push_back(p);
    }
    return {name, batch_,
            [x = images(batch_), ids = class_ids(batch_), &student, ask, cached, kept = ask(),
             adam = std::make_shared<Adam>(student.parameters())] {
              const Tensor teacher_logits = cached ? kept : ask();
              const DistillationLoss loss = distillation_loss(student(x), teacher_logits, ids, {});
              adam->minimize(loss.total);
            },
            products};
  }

  Work infer(const std::string& name, Sequential& model, Index n) {
    return {name, n,
            [&model, x = images(n)] {
              const NoGrad no_grad;
              model(x);
            },
            forward_products(model, image, n)};
  }

  Sequential make(const std::string& spec) { return make_model(spec, image, 10, {}, rng_); }

  const Shape image{1, 28, 28};
  const Index batch_;
  const Index most_images_ = std::max<Index>(batch_, 512);
  Rng rng_{0};
  Sequential mlp_teacher_ = make("mlp:1200,1200");
  Sequential mlp_student_ = make("mlp:800,800");
  Sequential tiny_ = make("mlp:32");
  Sequential cnn_teacher_ = make("cnn:32,64,512");
  Sequential cnn_student_ = make("cnn:8,16,32");
  Sequential cnn_large_ = make("cnn-large");
  Sequential cnn_large_trained_ = [this] {
    Sequential network = make("cnn-large");
    network.eval();
    return network;
  }();
  Sequential lenet5_ = make("lenet5");
  Sequential separable_ = make(
      "layers: conv 16 3 pad 1, relu, depthwise 3 pad 1, conv 32 1, relu, pool 2, "
      "depthwise 3 pad 1, conv 64 1, relu, pool 2, globalpool, linear");
  Sequential vit_ = make("vit-tiny");
  Tensor images_ = uniform(image.with_front(most_images_), 0, 1, rng_);
  std::vector<std::int32_t> class_ids_ = [this] {
    std::vector<std::int32_t> ids(static_cast<std::size_t>(most_images_));
    for (auto& id : ids) id = static_cast<std::int32_t>(rng_.below(10));
    return ids;
  }();
};

// What is said of a row, for programs.
Row row_of(const Work& work, const Result& result) {
  return {{"name", work.name},
          {"ms", result.ms},
          {"images_per_s", static_cast<double>(work.images) / result.ms * 1e3},
          {"floor_ms", result.floor_ms},
          {"gflops", result.gflops},
          {"share_of_peak", result.share}};
}

void print_head() {
  fmt::print("{:22}{:>8}{:>12}{:>12}{:>14}{:>12}{:>10}{:>9}\n", "", "images", "ms a step",
             "images/s", "products, ms", "× products", "GFLOP/s", "of peak");
}

void print_line(const Work& work, const Result& result) {
  fmt::print("{:22}{:>8}{:>12.4f}{:>12}{:>14.4f}{:>12.2f}{:>10.1f}{:>9.2f}\n", work.name,
             work.images, result.ms,
             thousands(static_cast<Index>(static_cast<double>(work.images) / result.ms * 1e3)),
             result.floor_ms, result.ms / result.floor_ms, result.gflops, result.share);
}

// Where the time of a step goes, on one thread.
void print_profile(const Work& work) {
  set_threads(1);
  const int steps = times_in(5 * ms_a_mean, work.step);
  const Profile profile;
  ms_each(steps, work.step);
  const double ms = profile.ms(), alone = profile.alone_ms();
  fmt::print("{}, one thread\n{:28}{:>8}{:>12}{:>9}{:>12}\n", work.name, "", "calls", "ms a step",
             "share", "alone, ms");
  for (const OpTime& op : profile.ops()) {
    fmt::print("{:28}{:>8.0f}{:>12.4f}{:>7.1f} %{:>12.4f}\n",
               op.op + (op.backward ? ", backward" : ""), static_cast<double>(op.calls) / steps,
               op.ms / steps, 100 * op.ms / ms, op.alone_ms / steps);
  }
  fmt::print("{:28}{:>8}{:>12.4f}{:>9}{:>12.4f}, {:.1f} % of the step\n", "all", "", ms / steps, "",
             alone / steps, 100 * alone / ms);
  fmt::print("at best, by the parts of its loops:");
  for (const int count : {4, 8, 16, 64}) {
    fmt::print("{} {:.1f} times as fast on {} threads", count == 4 ? "" : ",",
               ms / profile.ms_on(count), count);
  }
  fmt::print("\n\n");
}

struct Settings {
  bool json = false, profile = false;
  int threads = limbeck::threads();
  Index batch = 128;
  std::string only, csv;
};

void measure(const Settings& settings) {
  if (!settings.csv.empty()) check_writable("--csv", settings.csv);
  set_threads(settings.threads);
  Bench bench(settings.batch);
  std::string names;
  Table table;
  bool found = false;
  if (!settings.json && !settings.profile) print_head();
  for (const Work& work : bench.all()) {
    names += " " + work.name;
    if (!settings.only.empty() && work.name != settings.only) continue;
    found = true;
    if (settings.profile) {
      print_profile(work);
      continue;
    }
    const Result result = time(work);
    table.push_back(row_of(work, result));
    if (settings.json) {
      fmt::print("{}\n", table.back().dump());
    } else {
      print_line(work, result);
    }
    std::fflush(stdout);
  }
  if (!found) fail("--only", "there is no row {}; there are:{}", settings.only, names);
  if (!settings.csv.empty()) write_file("--csv", settings.csv, csv_of(table));
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  const auto add_options = [&](Options& options) {
    const Option json =
        options.flag("--json", settings.json, "One JSON object a line instead of the table");
    Option csv = options.add("--csv", settings.csv, "Writes the figures there, too");
    csv.type("FILE");
    options
        .flag("--profile", settings.profile,
              "Prints where a step's time goes instead: by op, and what is done outside of loops "
              "that threads share; on one thread")
        .excludes(json)
        .excludes(csv);
    options.add("--threads", settings.threads, "Threads")
        .type("N")
        .show_default()
        .check(at_least_1());
    options.add("--batch", settings.batch, "Images a step, where the row does not say how many")
        .type("N")
        .show_default()
        .check(at_least_1());
    options.add("--only", settings.only, "Only the row of this name").type("NAME");
  };
  return run_program({.name = "bench",
                      .description = "Times training steps and inference, each beside the bare "
                                     "matrix products in it and the peak of the processor's "
                                     "multiply-adds. The best of five means counts.",
                      .add_options = add_options,
                      .work = [&] { measure(settings); }},
                     argc, argv);
}
