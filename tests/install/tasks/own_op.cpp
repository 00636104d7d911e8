// An op of one's own, with its gradient, in a network that is given to other programs: the library
// asks how ONNX has it, and takes the answer.
#include <fmt/format.h>
#include <limbeck/limbeck.h>
#include <limbeck/testing.h>

#include <cmath>
#include <filesystem>

using namespace limbeck;

namespace {

// y = ln(1 + eˣ), which is a ReLU without its corner; dx = dy / (1 + e⁻ˣ).
Tensor softplus(const Tensor& x) {
  Tensor y = Tensor::empty(x.shape());
  const auto in = x.values();
  const auto out = y.values();
  for (std::size_t i = 0; i < in.size(); ++i) {
    out[i] = std::max(in[i], real{0}) + std::log1p(std::exp(-std::abs(in[i])));
  }
  return record("softplus", y, {x},
                [x](const Tensor& dy) -> Gradients { return {dy * sigmoid(x)}; });
}

}  // namespace

int main() {
  Rng rng(1);
  Sequential net(Flatten(), Linear({.in = 6, .out = 5}, rng), Function(softplus, "Softplus"),
                 Linear({.in = 5, .out = 3}, rng));
  const double gradient = testing::gradient_error(net, testing::random_tensor({4, 1, 2, 3}, 2));

  const std::string file = std::filesystem::temp_directory_path() / "limbeck-own-op.onnx";
  const std::string refusal = testing::error_of([&] { export_onnx(net, {1, 2, 3}, file); });
  const OnnxMapping mapping = [](OnnxBuilder& onnx, const GraphOp& op) {
    return onnx.node("Softplus", {onnx.input(op, 0)});
  };
  export_onnx(net, {1, 2, 3}, file, {.mappings = {{"softplus", mapping}}});
  const bool written = std::filesystem::file_size(file) > 100;
  std::filesystem::remove(file);
  fmt::print("gradients off by {:.1e}\nwithout a mapping: {}\nwith it: {}\n", gradient, refusal,
             written ? "written" : "nothing");
  return gradient < 0.05 && refusal.find("softplus") != refusal.npos && written ? 0 : 1;
}
