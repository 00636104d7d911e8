// bench: how long a training step and an inference take, beside the time of their matrix products
// alone, which is the least that this machine's BLAS allows.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/common/product_floor.h"
#include "apps/common/program.h"
#include "apps/common/timing.h"
#include "core/autograd.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/text.h"
#include "nn/distill/distillation_loss.h"
#include "nn/losses.h"
#include "nn/model_spec.h"
#include "optim/adam.h"

using namespace limbeck;

namespace {

constexpr Index batch_size = 128;
constexpr int rounds = 5;  // of each row; the best counts

// One row of the table: something to time, and the matrix products in it.
struct Row {
  std::string name;
  Index images;  // that one step handles
  int steps;     // timed together in a round
  std::function<void()> step;
  std::vector<Product> products;
};

struct Result {
  double ms;        // of a step
  double floor_ms;  // of its products alone
};

// Step and products take turns, so that both meet the same machine.
Result time(const Row& row) {
  const std::function<void()> products = bare(row.products);
  const int warm_up = std::max(3, row.steps / 10);
  ms_each(warm_up, row.step);
  ms_each(warm_up, products);
  Result best{.ms = INFINITY, .floor_ms = INFINITY};
  for (int round = 0; round < rounds; ++round) {
    best.ms = std::min(best.ms, ms_each(row.steps, row.step));
    best.floor_ms = std::min(best.floor_ms, ms_each(row.steps, products));
  }
  return best;
}

// What the rows work on: networks with untrained weights, a batch of noise with random labels.
class Bench {
 public:
  std::vector<Row> rows() {
    return {
        train("mlp_teacher_train", 50, mlp_teacher_),
        train("mlp_student_train", 50, mlp_student_),
        distill("mlp_distill", 50, mlp_student_, mlp_teacher_, false),
        distill("mlp_distill_cached", 50, mlp_student_, mlp_teacher_, true),
        train("tiny_train", 500, tiny_),
        train("cnn_teacher_train", 10, cnn_teacher_),
        train("cnn_student_train", 50, cnn_student_),
        distill("cnn_distill", 20, cnn_student_, cnn_teacher_, false),
        distill("cnn_distill_cached", 50, cnn_student_, cnn_teacher_, true),
        infer("mlp_teacher_infer", 100, mlp_teacher_, batch_size),
        infer("cnn_teacher_infer", 10, cnn_teacher_, batch_size),
        infer("cnn_student_infer", 50, cnn_student_, batch_size),
        infer("tiny_infer_1", 5000, tiny_, 1),
        infer("cnn_student_infer_1", 1000, cnn_student_, 1),
    };
  }

 private:
  Row train(const std::string& name, int steps, Sequential& model) {
    return {name, batch_size, steps,
            [this, &model, adam = std::make_shared<Adam>(model.parameters())] {
              const Tensor loss = cross_entropy(model(images_), class_ids_);
              adam->minimize(loss);
            },
            training_products(model, image, batch_size)};
  }

  // With the teacher's forward pass in the step, or its logits from a cache.
  Row distill(const std::string& name, int steps, Sequential& student, Sequential& teacher,
              bool cached) {
    const auto ask = [this, &teacher] {
      const NoGrad no_grad;
      return teacher(images_);
    };
    std::vector<Product> products = training_products(student, image, batch_size);
    if (!cached) {
      for (const Product& p : forward_products(teacher, image, batch_size)) products.push_back(p);
    }
    return {name, batch_size, steps,
            [this, &student, ask, cached, kept = ask(),
             adam = std::make_shared<Adam>(student.parameters())] {
              const Tensor teacher_logits = cached ? kept : ask();
              const DistillationLoss loss =
                  distillation_loss(student(images_), teacher_logits, class_ids_, {});
              adam->minimize(loss.total);
            },
            products};
  }

  Row infer(const std::string& name, int steps, Sequential& model, Index n) {
    return {name, n, steps,
            [&model, images = slice_rows(images_, 0, n)] {
              const NoGrad no_grad;
              model(images);
            },
            forward_products(model, image, n)};
  }

  Sequential make(const std::string& spec) { return make_model(spec, image, 10, {}, rng_); }

  const Shape image{1, 28, 28};
  Rng rng_{0};
  Sequential mlp_teacher_ = make("mlp:1200,1200");
  Sequential mlp_student_ = make("mlp:800,800");
  Sequential tiny_ = make("mlp:32");
  Sequential cnn_teacher_ = make("cnn:32,64,512");
  Sequential cnn_student_ = make("cnn:8,16,32");
  Tensor images_ = uniform(image.with_front(batch_size), 0, 1, rng_);
  std::vector<std::int32_t> class_ids_ = [this] {
    std::vector<std::int32_t> ids(static_cast<std::size_t>(batch_size));
    for (auto& id : ids) id = static_cast<std::int32_t>(rng_.below(10));
    return ids;
  }();
};

void print_json(const Row& row, const Result& result) {
  const nlohmann::ordered_json line = {
      {"name", row.name},
      {"ms", result.ms},
      {"images_per_s", static_cast<double>(row.images) / result.ms * 1e3},
      {"floor_ms", result.floor_ms}};
  fmt::print("{}\n", line.dump());
}

void print_line(const Row& row, const Result& result) {
  fmt::print("{:20}{:>8}{:>12.4f}{:>14}{:>14.4f}{:>12.2f}\n", row.name, row.images, result.ms,
             thousands(static_cast<Index>(static_cast<double>(row.images) / result.ms * 1e3)),
             result.floor_ms, result.ms / result.floor_ms);
}

}  // namespace

int main(int argc, char** argv) {
  bool json = false;
  int thread_count = threads();
  std::string only;
  const auto add_options = [&](Options& options) {
    options.flag("--json", json, "One JSON object a line instead of the table");
    options.add("--threads", thread_count, "Threads").type("N").show_default().check(at_least_1());
    options.add("--only", only, "Only the row of this name").type("NAME");
  };
  const auto measure = [&] {
    set_threads(thread_count);
    Bench bench;
    std::string names;
    bool found = false;
    if (!json) {
      fmt::print("{:20}{:>8}{:>12}{:>14}{:>14}{:>12}\n", "", "images", "ms a step", "images/s",
                 "products, ms", "× products");
    }
    for (const Row& row : bench.rows()) {
      names += " " + row.name;
      if (!only.empty() && row.name != only) continue;
      found = true;
      const Result result = time(row);
      if (json) {
        print_json(row, result);
      } else {
        print_line(row, result);
      }
      std::fflush(stdout);
    }
    if (!found) fail("--only", "there is no row {}; there are:{}", only, names);
  };
  return run_program({.name = "bench",
                      .description = "Times training steps and inference, each beside the bare "
                                     "matrix products in it. The best of "
                                     "five means counts.",
                      .add_options = add_options,
                      .work = measure},
                     argc, argv);
}
