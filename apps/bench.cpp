// bench: how long a training step and an inference take, beside the time of their matrix products
// alone, which is the least that this machine's BLAS allows.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "apps/common/program.h"
#include "core/autograd.h"
#include "core/error.h"
#include "core/gemm.h"
#include "core/parallel.h"
#include "core/text.h"
#include "nn/distill/distillation_loss.h"
#include "nn/losses.h"
#include "nn/models.h"
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
  std::vector<GemmSizes> products;
};

struct Result {
  double ms;        // of a step
  double floor_ms;  // of its products alone
};

double ms_each(int times, const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  for (int i = 0; i < times; ++i) work();
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count() / times;
}

// The products with operands of their own, as the step has them.
std::function<void()> bare(const std::vector<GemmSizes>& products) {
  struct Product {
    GemmSizes sizes;
    Tensor a, b, c;
  };
  std::vector<Product> ready;
  Rng rng(0);
  for (const GemmSizes& s : products) {
    ready.push_back({.sizes = s,
                     .a = uniform({s.m, s.k}, -1, 1, rng),
                     .b = uniform({s.k, s.n}, -1, 1, rng),
                     .c = Tensor::zeros({s.m, s.n})});
  }
  return [ready]() mutable {
    for (Product& p : ready) gemm(p.c.data(), p.a.data(), p.b.data(), p.sizes);
  };
}

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

// The products of a perceptron: x Wᵀ for each layer.
std::vector<GemmSizes> forward_products(Index n, const std::vector<Index>& widths) {
  std::vector<GemmSizes> products;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    products.push_back({.m = n, .n = widths[i + 1], .k = widths[i], .transpose_b = true});
  }
  return products;
}

// And back: dW = dyᵀ x for each layer, dx = dy W for each but the first.
std::vector<GemmSizes> training_products(Index n, const std::vector<Index>& widths) {
  std::vector<GemmSizes> products = forward_products(n, widths);
  for (std::size_t i = widths.size() - 1; i-- > 0;) {
    products.push_back({.m = widths[i + 1], .n = widths[i], .k = n, .transpose_a = true});
    if (i > 0) products.push_back({.m = n, .n = widths[i], .k = widths[i + 1]});
  }
  return products;
}

std::vector<GemmSizes> operator+(std::vector<GemmSizes> a, const std::vector<GemmSizes>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct Perceptron {
  std::vector<Index> widths;
  Sequential net;

  Perceptron(std::vector<Index> sizes, Rng& rng)
      : widths(std::move(sizes)), net(mlp(widths, {}, rng)) {}
};

// What the rows work on: networks with untrained weights, a batch of noise with random labels.
class Bench {
 public:
  std::vector<Row> rows() {
    const std::vector<Index>& teacher = teacher_.widths;
    const std::vector<Index>& student = student_.widths;
    const auto training = [](const std::vector<Index>& w) {
      return training_products(batch_size, w);
    };
    return {
        {"mlp_teacher_train", batch_size, 50, training_step(teacher_), training(teacher)},
        {"mlp_student_train", batch_size, 50, training_step(student_), training(student)},
        {"mlp_distill", batch_size, 50, distilling_step(false),
         training(student) + forward_products(batch_size, teacher)},
        {"mlp_distill_cached", batch_size, 50, distilling_step(true), training(student)},
        {"tiny_train", batch_size, 500, training_step(tiny_), training(tiny_.widths)},
        {"mlp_teacher_infer", batch_size, 100, inference(teacher_, images_),
         forward_products(batch_size, teacher)},
        {"tiny_infer_1", 1, 5000, inference(tiny_, slice_rows(images_, 0, 1)),
         forward_products(1, tiny_.widths)},
    };
  }

 private:
  std::function<void()> training_step(Perceptron& model) {
    return [this, &model, adam = Adam(model.net.parameters())]() mutable {
      const Tensor loss = cross_entropy(model.net(images_), class_ids_);
      adam.zero_grad();
      loss.backward();
      adam.step();
    };
  }

  std::function<void()> distilling_step(bool cached) {
    const auto ask = [this] {
      const NoGrad no_grad;
      return teacher_.net(images_);
    };
    return [this, ask, cached, kept = ask(), adam = Adam(student_.net.parameters())]() mutable {
      const Tensor teacher_logits = cached ? kept : ask();
      const DistillationLoss loss =
          distillation_loss(student_.net(images_), teacher_logits, class_ids_, {});
      adam.zero_grad();
      loss.total.backward();
      adam.step();
    };
  }

  static std::function<void()> inference(Perceptron& model, const Tensor& images) {
    return [&model, images] {
      const NoGrad no_grad;
      model.net(images);
    };
  }

  Rng rng_{0};
  Perceptron teacher_{{784, 1200, 1200, 10}, rng_};
  Perceptron student_{{784, 800, 800, 10}, rng_};
  Perceptron tiny_{{784, 32, 10}, rng_};
  Tensor images_ = uniform({batch_size, 1, 28, 28}, 0, 1, rng_);
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
  CLI::App app(
      "Times training steps and inference, each beside the bare matrix products in it. The best of "
      "five means counts.",
      "bench");
  bool json = false;
  int thread_count = threads();
  std::string only;
  app.add_flag("--json", json, "One JSON object a line instead of the table");
  app.add_option("--threads", thread_count, "Threads")
      ->type_name("N")
      ->capture_default_str()
      ->check(at_least_1());
  app.add_option("--only", only, "Only the row of this name")->type_name("NAME");
  return run_program(app, argc, argv, [&] {
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
  });
}
