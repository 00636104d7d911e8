// A network of one's own by name: a ResNet-8 with projection shortcuts, saved, loaded by its name,
// printed, and given to other programs.
#include <fmt/format.h>
#include <limbeck/limbeck.h>

#include <filesystem>

using namespace limbeck;

namespace {

// Two convolutions with a way around them: relu(f(x) + p(x)), p a 1 × 1 convolution where the
// number of channels or the size changes. He, Zhang, Ren and Sun, "Deep Residual Learning", 2016,
// section 3.
class Block : public Module {
 public:
  Block(Index in, Index out, Index stride, Rng& rng)
      : inner_(
            Conv2d(
                {.in = in, .out = out, .kernel = 3, .stride = stride, .padding = 1, .bias = false},
                rng),
            BatchNorm2d({.channels = out}), ReLU(),
            Conv2d({.in = out, .out = out, .kernel = 3, .padding = 1, .bias = false}, rng),
            BatchNorm2d({.channels = out})) {
    if (in != out || stride != 1) {
      around_.add(Conv2d({.in = in, .out = out, .stride = stride, .bias = false}, rng))
          .add(BatchNorm2d({.channels = out}));
    }
  }
  std::string describe() const override { return "Block"; }

 protected:
  Tensor forward(const Tensor& x) override { return relu(inner_(x) + around_(x)); }
  void parts(Parts& parts) override {
    parts("inner", inner_);
    parts("around", around_);
  }

 private:
  Sequential inner_, around_;
};

Sequential resnet8(const Shape& image, Index classes, double, Rng& rng) {
  Sequential net(Conv2d({.in = image.dim(0), .out = 8, .kernel = 3, .padding = 1}, rng),
                 BatchNorm2d({.channels = 8}), ReLU());
  net.add(Block(8, 8, 1, rng)).add(Block(8, 16, 2, rng)).add(Block(16, 32, 2, rng));
  net.add(GlobalAvgPool2d()).add(Linear({.in = 32, .out = classes}, rng));
  return net;
}

const bool known = register_model("own-resnet8", resnet8, "eight layers with ways around them");

}  // namespace

int main() {
  const auto [train, test] = synthetic_digits({.train = 600, .test = 200});
  Rng rng(1);
  Sequential net = make_model("own-resnet8", train.image, 10, {}, rng);
  train_classifier(net, train, {.epochs = 3, .batch_size = 30, .lr = 5e-3});
  const std::string folder = std::filesystem::temp_directory_path() / "limbeck-resnet8";
  std::filesystem::create_directories(folder);
  save_model(net, folder + "/net.safetensors",
             {.spec = "own-resnet8", .image = train.image, .classes = 10});
  Sequential again = load_model(folder + "/net.safetensors").network;
  const double off = testing::difference(logits_of(again, test), logits_of(net, test));
  export_onnx(again, test.image, folder + "/net.onnx");
  export_c(again, test.image, folder + "/net.h", {.network = "own-resnet8"});
  const bool written = std::filesystem::file_size(folder + "/net.onnx") > 40'000 &&
                       std::filesystem::file_size(folder + "/net.h") > 40'000;
  std::filesystem::remove_all(folder);
  fmt::print("{}{} errors of {}; loaded, off by {}\n", summary(again, test.image),
             count_errors(again, test), test.size(), off);
  return known && off == 0 && written ? 0 : 1;
}
