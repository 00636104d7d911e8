// What is learned, by labels or by a loss of one's own; trainer.cpp has the loop.
#include "core/error.h"
#include "nn/losses.h"
#include "nn/train/trainer.h"

namespace limbeck {

std::vector<EpochReport> fit(Module& model, const Dataset& train, const TrainOptions& options,
                             const LossFunction& loss) {
  if (!loss) fail("fit", "there is no loss");
  return detail::run_epochs(model, train, options,
                            {.loss = loss, .facts = {{"loss", "one of the caller's"}}});
}

std::vector<EpochReport> train_classifier(Module& model, const Dataset& train,
                                          const TrainOptions& options) {
  train.check_labelled("train");
  if (options.mix) fail("train", "mixed images have no label to learn; a teacher can tell of them");
  TrainOptions of_loop = options;
  of_loop.label_smoothing = 0;
  const CrossEntropyOptions smoothing{.label_smoothing = options.label_smoothing};
  const auto loss = [&](const Step& step) -> Loss {
    return {{"hard", 1, cross_entropy(step.logits, step.batch.class_ids, smoothing)}};
  };
  return detail::run_epochs(
      model, train, of_loop,
      {.loss = loss,
       .facts = {{"loss", "cross-entropy"},
                 {"label_smoothing", fmt::format("{}", smoothing.label_smoothing)}}});
}

}  // namespace limbeck
