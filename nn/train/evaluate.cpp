#include "nn/train/evaluate.h"

#include <algorithm>
#include <numeric>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/reduce.h"
#include "nn/train/ranks.h"

namespace limbeck {

Index detail::images_at_once_of(const Ranks* ranks, Index images) {
  if (ranks == nullptr || images < ranks->size()) return images_at_once;
  return std::min(images_at_once, images / ranks->size());
}

bool detail::is_own_part(const Ranks* ranks, Index images, Index begin) {
  if (ranks == nullptr || images < ranks->size()) return true;
  return begin / images_at_once_of(ranks, images) % ranks->size() == ranks->rank();
}

Tensor logits_of(Module& model, const Dataset& data, const Ranks* ranks) {
  const Index at_once = detail::images_at_once_of(ranks, data.size());
  if (data.size() == 0) fail("logits_of", "the dataset is empty");
  data.check("logits_of");
  const NoGrad no_grad;
  const EvalMode eval_mode(model);
  std::vector<Index> all(static_cast<std::size_t>(data.size()));
  std::iota(all.begin(), all.end(), Index{0});
  Tensor logits;
  real* out = nullptr;
  for (Index at = 0; at < data.size(); at += at_once) {
    if (!detail::is_own_part(ranks, data.size(), at)) continue;
    const Index count = std::min(at_once, data.size() - at);
    const auto part =
        std::span(all).subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(count));
    const Tensor z = model(make_batch(data, part).images);
    if (z.shape().rank() != 2 || z.dim(0) != count ||
        (logits.defined() && z.dim(1) != logits.dim(1))) {
      fail("logits_of",
           "the model must give logits (N, C), a row an image; of {} images it gave {}", count,
           z.shape());
    }
    if (!logits.defined()) {
      logits = Tensor::zeros({data.size(), z.shape().last()});
      out = logits.data();
    }
    std::ranges::copy(z.values(), out + at * z.dim(1));
  }
  // What others have worked out is 0 here.
  if (ranks != nullptr && data.size() >= ranks->size()) ranks->sum(logits.values());
  return logits;
}

std::vector<std::int32_t> predict(Module& model, const Dataset& data, const Ranks* ranks) {
  return argmax_last(logits_of(model, data, ranks));
}

Index count_errors(std::span<const std::int32_t> decisions, const Dataset& data) {
  if (static_cast<Index>(decisions.size()) != data.size()) {
    fail("count_errors", "{} decisions for {} images", decisions.size(), data.size());
  }
  data.check_labelled("count_errors");
  Index errors = 0;
  for (std::size_t i = 0; i < decisions.size(); ++i) errors += decisions[i] != data.class_ids[i];
  return errors;
}

Index count_errors(Module& model, const Dataset& data) {
  return count_errors(predict(model, data), data);
}

std::vector<std::vector<Index>> confusion_matrix(std::span<const std::int32_t> decisions,
                                                 const Dataset& data) {
  constexpr const char* op = "confusion_matrix";
  if (static_cast<Index>(decisions.size()) != data.size()) {
    fail(op, "{} decisions for {} images", decisions.size(), data.size());
  }
  data.check(op);
  data.check_labelled(op);
  const auto classes = static_cast<std::size_t>(data.classes);
  std::vector<std::vector<Index>> counts(classes, std::vector<Index>(classes));
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    const std::int32_t decision = decisions[i];
    if (decision < 0 || decision >= data.classes) {
      fail(op, "the decision {} for image {} is none of {} classes", decision, i, data.classes);
    }
    ++counts[static_cast<std::size_t>(data.class_ids[i])][static_cast<std::size_t>(decision)];
  }
  return counts;
}

double agreement(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
  if (a.size() != b.size() || a.empty()) {
    fail("agreement", "two equally long lists of decisions are needed; got {} and {}", a.size(),
         b.size());
  }
  std::size_t alike = 0;
  for (std::size_t i = 0; i < a.size(); ++i) alike += a[i] == b[i];
  return static_cast<double>(alike) / static_cast<double>(a.size());
}

}  // namespace limbeck
