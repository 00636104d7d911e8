// Images of one's own: 3 × 32 × 32, twenty classes, brought to a common scale by what the training
// images are like, mirrored at random; AdamW that decays weights and no biases, clipping, and a
// validation set that says when to stop.
#include <fmt/format.h>
#include <limbeck/limbeck.h>

using namespace limbeck;

namespace {

// Stripes: class c has its own colour and its own distance between them, at random places.
Dataset stripes(Index n, std::uint64_t seed) {
  Dataset data{.image = {3, 32, 32}, .classes = 20, .pixels = {}, .class_ids = {}};
  Rng rng(seed);
  for (Index i = 0; i < n; ++i) {
    const Index label = rng.below(20), start = rng.below(8), distance = 3 + label % 5;
    for (Index place = 0; place < 3 * 32 * 32; ++place) {
      const Index channel = place / 1024, x = place % 32;
      const bool lit = (x + start) % distance == 0 && channel != label / 5 - 1;
      data.pixels.push_back(static_cast<std::uint8_t>((lit ? 180 : 30) + rng.below(40)));
    }
    data.class_ids.push_back(static_cast<std::int32_t>(label));
  }
  return data;
}

}  // namespace

int main() {
  const Dataset train = stripes(1'500, 1), test = stripes(300, 2);
  const ChannelStatistics channels = channel_statistics(train);
  Rng rng(3);
  Sequential net(Normalize({.mean = channels.mean, .deviation = channels.deviation}),
                 Conv2d({.in = 3, .out = 16, .kernel = 5, .padding = 2}, rng), ReLU(),
                 MaxPool2d({.kernel = 2}),
                 Conv2d({.in = 16, .out = 32, .kernel = 3, .padding = 1}, rng), ReLU(),
                 GlobalAvgPool2d(), Linear({.in = 32, .out = 20}, rng));

  TrainOptions options{.epochs = 40, .batch_size = 50, .lr = 3e-3};
  options.optimizer = [](const std::vector<Tensor>& parameters, double lr) {
    return std::make_unique<AdamW>(decay_matrices_only(parameters, 0.01), AdamWOptions{.lr = lr});
  };
  options.augment = random_flip();
  options.clip_norm = 1;
  options.validation_split = 0.2;
  options.patience = 6;
  options.on_epoch = [](const EpochReport& report) {
    fmt::print("epoch {:>2}  loss {:.3f}  gradient {:.2f}  {} errors on the validation set\n",
               report.epoch, report.loss, *report.gradient_norm, *report.validation_errors);
  };
  const auto reports = train_classifier(net, train, options);
  const Index errors = count_errors(net, test);
  fmt::print("best epoch {}, {} errors of {}\n", best_of(reports).epoch, errors, test.size());
  return errors < 120 ? 0 : 1;  // 285 by guessing
}
