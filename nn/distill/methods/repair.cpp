#include "nn/distill/methods/repair.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/ops/softmax.h"
#include "nn/distill/methods/rows.h"

namespace limbeck {
namespace {

// Classes that are to have one probability, the mean of theirs.
struct Pool {
  std::vector<std::size_t> classes;
  double sum = 0;

  double mean() const { return sum / static_cast<double>(classes.size()); }
  void add(std::size_t j, double prob) { classes.push_back(j), sum += prob; }
  // Takes in the others that are above the mean, from the top down; each lifts it, or it would not
  // be above it. `apart` is no other.
  void take_in(std::span<const double> probs, std::size_t apart) {
    while (true) {
      std::size_t highest = probs.size();
      for (std::size_t j = 0; j < probs.size(); ++j) {
        const bool other = j != apart && std::ranges::find(classes, j) == classes.end();
        if (other && (highest == probs.size() || probs[j] > probs[highest])) highest = j;
      }
      if (highest == probs.size() || !(probs[highest] > mean())) return;
      add(highest, probs[highest]);
    }
  }
  void level(std::span<double> probs) const {
    for (const std::size_t j : classes) probs[j] = mean();
  }
};

// The place of the first largest.
std::size_t favourite(std::span<const double> probs) {
  return static_cast<std::size_t>(std::ranges::max_element(probs) - probs.begin());
}

}  // namespace

bool repair_row(std::span<double> probs, std::int32_t class_id, const RepairOptions& options) {
  const auto label = static_cast<std::size_t>(class_id);
  const std::size_t top = favourite(probs);
  if (!(probs[top] > probs[label])) return false;
  if (options.repair == Repair::swap) {
    std::swap(probs[top], probs[label]);
  } else if (options.repair == Repair::lead) {
    const double gap = probs[top] - probs[label], share = (options.lead + gap) / (1 + gap);
    for (double& p : probs) p *= 1 - share;
    probs[label] += share;
  } else {
    Pool pool;
    pool.add(label, probs[label]);
    pool.take_in(probs, label);
    pool.level(probs);
  }
  return true;
}

void repair_row(std::span<double> probs, std::int32_t first, std::int32_t second) {
  const auto a = static_cast<std::size_t>(first), b = static_cast<std::size_t>(second);
  Pool pool;
  pool.add(b, probs[b]);
  pool.take_in(probs, a);
  if (probs[a] < pool.mean()) {
    pool.add(a, probs[a]);
    pool.take_in(probs, a);
  }
  pool.level(probs);
}

Tensor repair_loss(const Tensor& z, const Tensor& v, std::span<const std::int32_t> class_ids,
                   const RepairOptions& options, double done) {
  const char* const op = "repair_loss";
  const double t = options.temperature(done);
  check_temperature(op, t);
  if (!(options.lead >= 0 && options.lead <= 1)) {
    fail(op, "lead, of the label before the next class, must be in [0, 1]; got {}", options.lead);
  }
  detail::check_labelled(op, z, class_ids);
  return detail::mean_over_rows(op, z, v, [&](detail::LogitRow& row) {
    row.soften(t);
    std::vector<double>& p = row.p.probs;
    if (repair_row(p, class_ids[row.n], options)) {
      for (std::size_t j = 0; j < p.size(); ++j) row.p.log_probs[j] = std::log(p[j]);
    }
    row.pull(t);
    return t * t * detail::kl(row.p, row.q);
  });
}

Term repair(const RepairOptions& options) {
  const char* const how = options.repair == Repair::isotonic ? "isotonic"
                          : options.repair == Repair::swap   ? "swap"
                                                             : "lead";
  std::string description = fmt::format("repair({}, T={}", how, options.temperature.str());
  if (options.repair == Repair::lead) description += fmt::format(", lead={}", options.lead);
  return {.name = "repair",
          .value =
              [options](const TermStep& s) {
                return repair_loss(s.student, s.teacher, s.batch.class_ids, options, s.done);
              },
          .description = description + ')',
          .uses_labels = true,
          .temperature = options.temperature,
          .promises = {.shift_invariant = true, .never_negative = true}};
}

}  // namespace limbeck
