#include "nn/distill/methods/ctkd.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/softmax.h"
#include "nn/distill/methods/rows.h"

namespace limbeck {
namespace {

// dKL(p ‖ q)/dT of a row that is softened at T.
double slope_of_kl(const detail::LogitRow& row, double t) {
  double pz = 0, qz = 0, pv = 0, pvv = 0, pvz = 0;  // means under p and q
  const double origin = row.v[0];                   // of v, so that its squares stay small
  for (std::size_t j = 0; j < row.z.size(); ++j) {
    const double p = row.p.probs[j], v = row.v[j] - origin, z = row.z[j] - row.z[0];
    pz += p * z;
    qz += row.q.probs[j] * z;
    pv += p * v;
    pvv += p * v * v;
    pvz += p * v * z;
  }
  return (pz - qz) / (t * t) - ((pvv - pv * pv) - (pvz - pv * pz)) / (t * t * t);
}

}  // namespace

Tensor scale_gradient(const Tensor& x, double factor) {
  return record("scale_gradient", x.detach(), {x}, {}, {{"factor", factor}},
                [factor](const Tensor& dy) -> Gradients { return {dy * factor}; });
}

double curriculum_factor(Index epoch, Index epochs) {
  if (epochs < 1) fail("curriculum_factor", "epochs must be at least 1; got {}", epochs);
  const double share = static_cast<double>(std::min(epoch, epochs)) / static_cast<double>(epochs);
  return (std::cos(std::numbers::pi * share) - 1) / 2;
}

Tensor ctkd_loss(const Tensor& z, const Tensor& v, const Tensor& temperature) {
  constexpr const char* op = "ctkd_loss";
  const auto t = static_cast<double>(temperature.item());
  check_temperature(op, t);
  detail::check_both(op, z, v);
  std::vector<double> slopes(static_cast<std::size_t>(z.dim(0)));  // of T² KL, a row each
  const Tensor by_logits = detail::mean_over_rows(op, z, v, [&](detail::LogitRow& row) {
    row.soften(t);
    for (std::size_t j = 0; j < row.dz.size(); ++j) {
      row.dz[j] = t * (row.q.probs[j] - row.p.probs[j]);
    }
    const double kl = detail::kl(row.p, row.q);
    slopes[row.n] = 2 * t * kl + t * t * slope_of_kl(row, t);
    return t * t * kl;
  });
  if (!temperature.wants_grad()) return by_logits;
  // The same value once more, as a function of what has come of the logits, and of T.
  const double slope =
      std::accumulate(slopes.begin(), slopes.end(), 0.0) / static_cast<double>(slopes.size());
  return record(
      op, by_logits.detach(), {by_logits, temperature}, {}, [=](const Tensor& dy) -> Gradients {
        return {by_logits.wants_grad() ? dy : Tensor(), (dy * slope).view(temperature.shape())};
      });
}

LearnedTemperature::LearnedTemperature(const CtkdOptions& options)
    : g(Tensor::scalar(static_cast<real>(options.start)).requires_grad()), options_(options) {
  if (!(options.lowest > 0) || !(options.range >= 0) || options.epochs < 1) {
    fail("ctkd",
         "T goes from `lowest`, above 0, by a `range` of at least 0, in 1 or more `epochs`; got "
         "{}, {} and {}",
         options.lowest, options.range, options.epochs);
  }
}

double LearnedTemperature::temperature() {
  return options_.lowest + options_.range / (1 + std::exp(-static_cast<double>(g.item())));
}

void LearnedTemperature::reset() {
  *g.data() = static_cast<real>(options_.start);
}

Tensor LearnedTemperature::forward(const Tensor& factor) {
  const Tensor turned = scale_gradient(g, static_cast<double>(factor.item()));
  return options_.lowest + options_.range * sigmoid(turned);
}

Term ctkd(const CtkdOptions& options) {
  const auto learned = std::make_shared<LearnedTemperature>(options);
  return {
      .name = "ctkd",
      .value =
          [=](const TermStep& s) {
            const double factor = curriculum_factor(s.epoch, options.epochs);
            const Tensor t = (*learned)(Tensor::scalar(static_cast<real>(factor)));
            return ctkd_loss(s.student, s.teacher, t);
          },
      .description = fmt::format("ctkd(g={:g}, T={:g}…{:g}, epochs={})", options.start,
                                 options.lowest, options.lowest + options.range, options.epochs),
      .modules = {learned},
      .prepare = [=](const TermShapes&, Rng&) { learned->reset(); },
      .promises = {.shift_invariant = true, .never_negative = true, .at_equal = 0}};
}

}  // namespace limbeck
