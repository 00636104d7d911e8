// The op and the layer of apps/examples/new_layer.h.
#include "apps/examples/new_layer.h"

#include "nn/sequential.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

using Inputs = std::vector<Tensor>;

TEST_CASE("silu has the values of x / (1 + e⁻ˣ)") {
  CHECK(difference(silu(Tensor::from({3}, {0, 1, -2})), {0, 0.7310585786, -0.2384058440}) < 1e-6);
}

TEST_CASE("silu gets into an ONNX file by its mapping, and is refused without it") {
  Rng rng(1);
  Sequential net(Flatten(), Linear({.in = 4, .out = 3}, rng), Function(silu, "SiLU"));
  const auto error = [&](const OnnxOptions& options) {
    return error_of([&] { export_onnx(net, {1, 2, 2}, "/no/folder/x.onnx", options); });
  };
  CHECK(error({}) ==
        "export_onnx: 2 (SiLU): silu is no op that is known here; say how ONNX has it: "
        "OnnxOptions::mappings");
  CHECK(error({.mappings = {{"silu", silu_in_onnx}}}) ==
        "export_onnx: /no/folder/x.onnx: cannot be written: No such file or directory");
}

#ifdef LIMBECK_REAL_DOUBLE
TEST_CASE("the gradient of silu is that of finite differences") {
  const Inputs in = {random_tensor({2, 3}, 1)};
  CHECK(gradient_error([](const Inputs& x) { return silu(x[0]); }, in) < 1e-6);
}
#endif

TEST_CASE("a residual block whose outer weights are 0 passes its input on") {
  Rng rng(1);
  ResidualBlock block(4, rng);
  for (auto& [name, parameter] : block.named_parameters()) {
    if (name.starts_with("outer")) std::ranges::fill(parameter.values(), real(0));
  }
  const Tensor x = random_tensor({2, 4}, 2);
  CHECK(same_bits(block(x), x));
}
