// A network with an op and a layer of one's own (new_layer.h), as a table; and as an ONNX file, if
// one is named.
#include <fmt/format.h>

#include "apps/examples/new_layer.h"
#include "nn/sequential.h"

using namespace limbeck;

int main(int argc, char** argv) {
  Rng rng(1);
  Sequential net(Flatten(), Linear({.in = 784, .out = 64}, rng), Function(silu, "SiLU"),
                 ResidualBlock(64, rng), Linear({.in = 64, .out = 10}, rng));
  fmt::print("{}", summary(net, {1, 28, 28}));
  if (argc < 2) return 0;
  export_onnx(net, {1, 28, 28}, argv[1], {.mappings = {{"silu", silu_in_onnx}}});
}
