#include "nn/distill/methods/ema.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/softmax.h"
#include "core/parallel.h"
#include "nn/distill/methods/kd.h"
#include "nn/losses.h"
#include "nn/weights.h"

namespace limbeck {
namespace {

// While one of these lives, a network computes with other elements for its weights. Only the
// handles change places: a graph that was recorded before keeps its memory, untouched.
class Exchanged {
 public:
  Exchanged(const std::vector<NamedTensor>& weights, const std::vector<Tensor>& others)
      : weights_(weights), others_(others) {
    exchange();
  }
  ~Exchanged() { exchange(); }
  Exchanged(const Exchanged&) = delete;
  Exchanged& operator=(const Exchanged&) = delete;

 private:
  void exchange() {
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      detail::TensorBody& a = weights_[i].tensor.body();
      detail::TensorBody& b = others_[i].body();
      std::swap(a.storage, b.storage);
      std::swap(a.offset, b.offset);
    }
  }

  const std::vector<NamedTensor>& weights_;
  const std::vector<Tensor>& others_;
};

// A network's parameters and buffers, each once, though tied layers have it by several names.
std::vector<NamedTensor> distinct_state(const Module& network) {
  std::unordered_set<const detail::TensorBody*> seen;
  std::vector<NamedTensor> state;
  for (NamedTensor& each : named_state(network)) {
    if (seen.insert(&each.tensor.body()).second) state.push_back(std::move(each));
  }
  return state;
}

// The images of a batch once more, as they are changed by numbers that `rng` draws for each.
Tensor other_view(const Batch& batch, const EmaOptions& options, const Rng& rng) {
  const Dataset& set = *options.images;
  const auto is_of_set = [&](std::size_t n) {
    const Index i = batch.indices[n];
    return i >= 0 && i < set.size() && set.label_of(i) == batch.class_ids[n];
  };
  bool same = batch.images.shape().without_front() == set.image &&
              batch.indices.size() == batch.class_ids.size();
  for (std::size_t n = 0; same && n < batch.indices.size(); ++n) same = is_of_set(n);
  if (!same) {
    fail("ema",
         "the batch is not of the images of which the average is to see another view: they "
         "must be the training set's, and not mixed");
  }
  Tensor images = make_batch(set, batch.indices).images;
  const auto one = static_cast<std::size_t>(set.image.size());
  const auto values = images.values();
  parallel_for(images.dim(0), 1, [&](Index begin, Index end) {
    for (auto n = static_cast<std::size_t>(begin); n < static_cast<std::size_t>(end); ++n) {
      Rng image_rng = rng.child(static_cast<std::uint64_t>(batch.indices[n]));
      options.augment(values.subspan(n * one, one), set.image, image_rng);
    }
  });
  return images;
}

std::string description_of(const EmaOptions& options) {
  return fmt::format("ema(decay={:g}, {}{})", options.decay,
                     options.squares ? "squares" : fmt::format("T={:g}", options.temperature),
                     options.images != nullptr ? ", two views" : "");
}

}  // namespace

double ema_decay(Index t, double largest) {
  return std::min(1 - 1 / (static_cast<double>(t) + 1), largest);
}

Varying ramp_up(double share) {
  detail::check_share("ramp_up", share);
  return [=](double done) {
    const double left = 1 - std::min(done / share, 1.0);
    return std::exp(-5 * left * left);
  };
}

AverageTeacher::AverageTeacher(Module& student, double decay)
    : student_(student), decay_(decay), steps_(Tensor::scalar(0)), done_(Tensor::scalar(0)) {
  if (!(decay >= 0 && decay < 1)) fail("ema", "the decay must be in [0, 1); got {}", decay);
  reset();
}

// The student may have been given other layers since.
void AverageTeacher::reset() {
  weights_ = distinct_state(student_);
  averages_.clear();
  for (const NamedTensor& weight : weights_) averages_.push_back(weight.tensor.clone());
  *steps_.data() = 0;
  *done_.data() = 0;
}

void AverageTeacher::update() {
  const auto m = static_cast<real>(ema_decay(static_cast<Index>(steps_.item()), decay_));
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    real* const average = averages_[i].data();
    const real* const weight = std::as_const(weights_[i].tensor).data();
    parallel_for(averages_[i].size(), elementwise_grain, [=](Index begin, Index end) {
      for (Index j = begin; j < end; ++j) average[j] = m * average[j] + (1 - m) * weight[j];
    });
  }
  *steps_.data() += 1;
}

void AverageTeacher::update_at(double done) {
  if (done_.item() == static_cast<real>(done)) return;
  *done_.data() = static_cast<real>(done);
  update();
}

Tensor AverageTeacher::forward(const Tensor& images) {
  const NoGrad no_grad;
  const EvalMode eval_mode(student_);
  const Exchanged exchanged(weights_, averages_);
  return student_(images);
}

void AverageTeacher::parts(Parts& parts) {
  for (std::size_t i = 0; i < weights_.size(); ++i)
    parts.buffer("average." + weights_[i].name, averages_[i]);
  parts.buffer("steps", steps_);
  parts.buffer("done", done_);
}

Term ema(Module& student, const EmaOptions& options) {
  check_temperature("ema", options.temperature);
  if ((options.images != nullptr) != static_cast<bool>(options.augment)) {
    fail("ema", "two views need both: images, the training set, and augment, which changes them");
  }
  const auto average = std::make_shared<AverageTeacher>(student, options.decay);
  const auto seed = std::make_shared<Rng>(0);  // the run's
  return {.name = "ema",
          .value =
              [=](const TermStep& s) {
                average->update_at(s.done);
                const Rng of_epoch = seed->child(static_cast<std::uint64_t>(s.epoch));
                const Tensor v =
                    (*average)(options.images == nullptr ? s.batch.images
                                                         : other_view(s.batch, options, of_epoch));
                if (!options.squares) {
                  return kd_loss(s.student, v, {.temperature = options.temperature});
                }
                const auto classes = static_cast<double>(v.dim(1));
                return mse(softmax(s.student), softmax(v)) * classes;
              },
          .description = description_of(options),
          .uses_teacher = false,
          .student = &student,
          .modules = {average},
          .prepare = [=](const TermShapes&, Rng& rng) { average->reset(), *seed = rng; },
          .promises = {.shift_invariant = true, .never_negative = true}};
}

}  // namespace limbeck
