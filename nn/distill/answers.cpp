#include "nn/distill/answers.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/autograd.h"
#include "core/batch_share.h"
#include "core/error.h"
#include "core/ops/gather.h"
#include "nn/train/evaluate.h"
#include "nn/train/judge.h"
#include "nn/train/ranks.h"
#include "nn/train/team.h"
#include "nn/train/trainer.h"

namespace limbeck::detail {
namespace {

constexpr const char* in_answers = "Distiller";

Index members_of(const Ensemble* ensemble) {
  return ensemble == nullptr ? 1 : ensemble->size();
}

}  // namespace

void check_answer(const char* whose_op, const std::string& what, const Tensor& answer,
                  std::span<const Index> images) {
  const Index width = answer.size() / std::max<Index>(answer.dim(0), 1);
  const auto values = answer.values();
  const auto odd = std::ranges::find_if(values, [](real v) { return !std::isfinite(v); });
  if (odd == values.end()) return;
  fail(whose_op, "{} for image {} have {}: they must be finite", what,
       images[static_cast<std::size_t>((odd - values.begin()) / width)], *odd);
}

Answers::Size Answers::size_of(Module& teacher, const TapWatch& taps, const Dataset& set,
                               const TrainOptions& options) {
  const Index times = options.mix ? 0 : options.augment ? options.views : 1;
  Index width = taps.classes() * members_of(exactly<Ensemble>(teacher));
  for (const Shape& shape : taps.shapes()) width += shape.size();
  const Index rows = times * set.size();
  return {.rows = rows, .bytes = rows * width * static_cast<Index>(sizeof(real))};
}

Answers::Answers(Module& teacher, TapWatch& taps, const std::vector<std::string>& paths,
                 const Dataset& set, const TrainOptions& options, bool keeps)
    : set_(set),
      options_(options),
      ranks_(ranks_of(options)),
      teacher_(teacher),
      ensemble_(exactly<Ensemble>(teacher)),
      taps_(taps),
      paths_(paths) {
  if (!keeps) return;
  known_.assign(static_cast<std::size_t>(size_of(teacher, taps, set, options).rows), false);
  if (!known_.empty()) teacher_then_ = checksum_of(teacher);
  if (known_.empty() || options.augment) return;
  std::vector<Index> all(known_.size());
  std::iota(all.begin(), all.end(), Index{0});
  for (std::span<const Index> rest = all; !rest.empty();) {
    const auto at_once = static_cast<std::size_t>(images_at_once_of(ranks_, set.size()));
    const auto part = rest.first(std::min(rest.size(), at_once));
    if (is_own_part(ranks_, set.size(), part.front())) {
      keep(answers_to(make_batch(set, part).images, part), part);
    }
    rest = rest.subspan(part.size());
  }
  if (ranks_ != nullptr && set.size() >= ranks_->size()) share(0, set.size());
}

// What others have kept is 0 here.
void Answers::share(Index begin, Index end) {
  for (Tensor& answers : kept_) {
    const Index width = answers.size() / answers.dim(0);
    ranks_->sum(answers.values().subspan(static_cast<std::size_t>(begin * width),
                                         static_cast<std::size_t>((end - begin) * width)));
  }
  std::vector<double> known(known_.begin() + begin, known_.begin() + end);
  ranks_->sum(std::span(known));
  for (std::size_t i = 0; i < known.size(); ++i) {
    known_[static_cast<std::size_t>(begin) + i] = known[i] > 0;
  }
}

// After the first epoch of that view.
void Answers::share_view_of(Index epoch) {
  if (ranks_ == nullptr || epoch > options_.views) return;
  share((epoch - 1) * set_.size(), epoch * set_.size());
}

std::vector<Tensor> Answers::answers_to(const Tensor& images, std::span<const Index> indices) {
  const NoGrad no_grad;
  std::vector<Tensor> answers = {taps_.run(
      [&] { return ensemble_ != nullptr ? ensemble_->member_logits(images) : teacher_(images); })};
  check_answer(in_answers, "the teacher's logits", answers[0], indices);
  for (Tensor& output : taps_.take()) {
    check_answer(in_answers,
                 fmt::format("the outputs of the teacher's \"{}\"", paths_[answers.size() - 1]),
                 output, indices);
    answers.push_back(output.detach());
  }
  return answers;
}

void Answers::keep(const std::vector<Tensor>& answers, std::span<const Index> rows) {
  for (std::size_t a = 0; a < answers.size(); ++a) {
    const Tensor& answer = answers[a];
    if (kept_.size() == a) {
      const Shape one = answer.shape().without_front();
      kept_.push_back(Tensor::zeros(one.with_front(static_cast<Index>(known_.size()))));
    }
    const Index width = answer.size() / answer.dim(0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(answer.data() + static_cast<Index>(i) * width, width,
                  kept_[a].data() + rows[i] * width);
    }
  }
  for (const Index row : rows) known_[static_cast<std::size_t>(row)] = true;
}

std::vector<Tensor> Answers::kept(const Batch& batch) {
  std::vector<Index> rows = batch.indices;
  for (Index& row : rows) row += batch.view * set_.size();
  const auto known = [this](Index row) { return known_[static_cast<std::size_t>(row)]; };
  if (!std::ranges::all_of(rows, known)) {
    std::vector<Tensor> answers = answers_to(batch.images, batch.indices);
    const bool counts = batch_share() == nullptr || batch_share()->counts;
    keep(answers, counts ? rows : std::vector<Index>());
    return answers;
  }
  std::vector<Tensor> answers;
  for (const Tensor& all : kept_) answers.push_back(gather_rows(all, rows));
  return answers;
}

void Answers::catch_up(const Step& step) {
  Rng rng(options_.seed);
  DataLoader loader(set_, loader_options(options_, hold_out(set_, options_).learned), rng);
  for (Index epoch = 1; epoch <= std::min(step.epoch, options_.views); ++epoch) {
    Index number = 0;
    for (const Batch& batch : loader) {
      if (epoch == step.epoch && batch.indices == step.batch.indices) return;
      const DataLoaderOptions how = loader_options(options_, {});
      const auto part = part_of_batch(loader.images_in_batch(number++), how.part, how.parts);
      const BatchShare share{.counts = part.begin < part.end};
      const BatchShareScope scope(&share);
      kept(batch);
    }
    share_view_of(epoch);
  }
}

void Answers::ask(const Step& step) {
  const Batch& batch = step.batch;
  const bool begins = epoch_ == 0, keeps = !known_.empty();
  if (begins && keeps && step.step > 0 && options_.augment) catch_up(step);
  if (!begins && keeps && step.epoch != epoch_ && checksum_of(teacher_) != teacher_then_) {
    fail(in_answers,
         "the teacher has changed since it gave the answers that are kept; with "
         "DistillerOptions::answers_limit = 0 it is asked about every batch");
  }
  if (!begins && keeps && step.epoch != epoch_ && options_.augment) share_view_of(epoch_);
  epoch_ = step.epoch;
  std::vector<Tensor> answers =
      known_.empty() ? answers_to(batch.images, batch.indices) : kept(batch);
  logits_ = std::move(answers[0]);
  taps_of_batch_.assign(answers.begin() + 1, answers.end());
}

Tensor Answers::logits(double temperature) const {
  const NoGrad no_grad;
  return ensemble_ != nullptr ? ensemble_->average(logits_, temperature) : logits_;
}

}  // namespace limbeck::detail
