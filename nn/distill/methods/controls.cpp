#include "nn/distill/methods/controls.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/ops/reduce.h"
#include "nn/distill/methods/kd.h"
#include "nn/distill/methods/rows.h"

namespace limbeck {

Tensor cwtm_loss(const Tensor& z, const Tensor& v, std::span<const std::int32_t> class_ids) {
  const char* const op = "cwtm_loss";
  detail::check_labelled(op, z, class_ids);
  detail::check_both(op, z, v);
  const auto classes = static_cast<std::size_t>(z.dim(1));
  std::vector<double> weights, row(classes);
  double sum = 0;
  detail::Softened p;
  for (std::size_t n = 0; n < class_ids.size(); ++n) {
    std::ranges::copy(v.values().subspan(n * classes, classes), row.begin());
    p.set(row, 1);
    weights.push_back(std::ranges::max(p.probs));
    sum += weights.back();
  }
  for (double& weight : weights) weight *= static_cast<double>(class_ids.size()) / sum;
  return detail::mean_over_rows(op, z, [&](detail::LogitRow& r) {
    const auto label = static_cast<std::size_t>(class_ids[r.n]);
    const double weight = weights[r.n];
    r.q.set(r.z, 1);
    for (std::size_t j = 0; j < classes; ++j) r.dz[j] = weight * r.q.probs[j];
    r.dz[label] -= weight;
    return -weight * r.q.log_probs[label];
  });
}

Term cwtm() {
  return {
      .name = "cwtm",
      .value = [](const TermStep& s) { return cwtm_loss(s.student, s.teacher, s.batch.class_ids); },
      .uses_labels = true,
      .promises = {.shift_invariant = true, .never_negative = true}};
}

Tensor permute_others(const Tensor& v, const Rng& rng, std::span<const Index> numbers) {
  constexpr const char* op = "permute_others";
  detail::check_both(op, v, v);
  if (static_cast<Index>(numbers.size()) != v.dim(0)) {
    fail(op, "a number is needed for each of {} rows; got {}", v.dim(0), numbers.size());
  }
  const auto classes = static_cast<std::size_t>(v.dim(1));
  const std::vector<std::int32_t> largest = argmax_last(v);
  Tensor permuted = v.detach().clone();
  for (std::size_t n = 0; n < numbers.size(); ++n) {
    const auto kept = static_cast<std::size_t>(largest[n]);
    const auto from = v.values().subspan(n * classes, classes);
    const auto to = permuted.values().subspan(n * classes, classes);
    const auto other = [&](std::size_t i) { return i < kept ? i : i + 1; };  // the i-th of them
    Rng row_rng = rng.child(static_cast<std::uint64_t>(numbers[n]));
    const std::vector<Index> order = row_rng.permutation(static_cast<Index>(classes) - 1);
    for (std::size_t i = 0; i + 1 < classes; ++i) {
      to[other(i)] = from[other(static_cast<std::size_t>(order[i]))];
    }
  }
  return permuted;
}

Term dkpp(const DkppOptions& options) {
  const auto seed = std::make_shared<Rng>(0);  // the run's, before its first step
  return {.name = "dkpp",
          .value =
              [=](const TermStep& s) {
                const Rng of_epoch = seed->child(static_cast<std::uint64_t>(s.epoch));
                return kd_loss(s.student, permute_others(s.teacher, of_epoch, s.batch.indices),
                               {.temperature = options.temperature}, s.done);
              },
          .description = fmt::format("dkpp(T={})", options.temperature.str()),
          .temperature = options.temperature,
          .prepare = [=](const TermShapes&, Rng& rng) { *seed = rng; },
          .promises = {.shift_invariant = true, .never_negative = true}};
}

}  // namespace limbeck
