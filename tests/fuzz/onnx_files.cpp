// Networks in ONNX files.
#include "core/autograd.h"
#include "core/storage.h"
#include "nn/import/onnx.h"
#include "tests/fuzz/fuzz.h"

namespace limbeck::fuzz {

void run_onnx(std::string_view bytes) {
  const MemoryLimit limit(std::size_t{1} << 20);  // so that no input takes long
  accepted([&] {
    OnnxNetwork network(bytes, "a.onnx", {.image = {1, 4, 4}});
    const NoGrad no_grad;
    const Tensor y = network(Tensor::zeros(network.image().with_front(3)));
    must(y.shape() == network.answer().with_front(3), "an answer is not of the shape it should be");
  });
}

}  // namespace limbeck::fuzz
