// Exported C code as a text: its head, its name, and what is refused.
#include <sstream>

#include "core/ops.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/export/c_header.h"
#include "nn/group_norm.h"
#include "nn/linear.h"
#include "nn/residual.h"
#include "nn/sequential.h"
#include "tests/testing.h"

#ifndef LIMBECK_REAL_DOUBLE  // what is exported computes in float

using namespace limbeck;
using namespace limbeck::testing;

TEST_CASE("the head tells what the network is, does and costs") {
  Rng rng(1);
  Sequential net(Conv2d({.in = 1, .out = 2, .kernel = 3, .padding = 1}, rng), Flatten(),
                 Linear({.in = 32, .out = 10}, rng));
  const std::string text =
      c_header("tiny", net, {1, 4, 4}, {.network = "a tiny one", .errors = "7 errors of 9 images"});
  CHECK(text.starts_with("// tiny: a tiny one, a trained network in one C99 header.\n"));
  CHECK(contains(text, "//     float image[tiny_pixels], logits[tiny_classes];\n"));
  CHECK(contains(text, "16 values from 0 (background) to 1 (ink)"));
  CHECK(contains(text, "shape is (1, 4, 4)."));
  // 2 · 9 + 2 + 32 · 10 + 10; each filter at 16 places, and the products of the Linear.
  CHECK(contains(text, "// 350 parameters, 608 multiply-adds an image.\n"));
  CHECK(contains(text, "// 7 errors of 9 images\n"));
  CHECK(contains(text, "enum { tiny_pixels = 16, tiny_classes = 10 };\n"));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 100);
}

TEST_CASE("the code's name is made of the file's") {
  CHECK(c_name("my-student.h") == "my_student");
  CHECK(c_name("/tmp/some.folder/Student2.h") == "Student2");
  CHECK(c_name("a..b  c--d.e.h") == "a_b_c_d_e");
  CHECK(c_name("__x__.h") == "x");
  CHECK(c_name("élève.h") == "l_ve");
  CHECK(c_name("student") == "student");
  CHECK(c_name("784-32.h") == "net_784_32");
  CHECK(c_name("int.h") == "int");  // as NAME_predict it is no keyword
  CHECK(error_of([] { c_name("out/--.h"); }) ==
        "c_name: \"out/--.h\" has no letter or digit to name the code by; give the file another "
        "name");
}

TEST_CASE("what cannot be exported is refused with the reason") {
  Rng rng(1);
  const Shape image = {1, 2, 2};
  Sequential net(Flatten(), Linear({.in = 4, .out = 2}, rng));
  CHECK(error_of([&] { export_c(net, image, "/no/folder/a.h", {.network = "a"}); }) ==
        "export_c: /no/folder/a.h: cannot be written: No such file or directory");
  CHECK(error_of([&] {
          export_c(net, image, "!.h", {.network = "a"});
        }).starts_with("c_name: \"!.h\" has no letter"));
  const auto refusal = [&](Sequential network, const Shape& shape) {
    return error_of([&] { c_header("a", network, shape, {}); });
  };
  const std::string others =
      "cannot be exported to C; linear, conv2d, relu, max_pool2d, avg_pool2d, global_avg_pool2d, "
      "reshape, batch_norm, sums, and sums and products with constants can";
  CHECK(refusal(Sequential(Flatten(), [](const Tensor& x) { return x * x; }), image) ==
        "export: 1 (Function): mul " + others);
  CHECK(refusal(Sequential(Flatten(), [](const Tensor& x) { return 2 / x; }), image) ==
        "export: 1 (Function): div " + others);
  CHECK(refusal(Sequential(Flatten(), Residual(Function(gelu))), image) ==
        "export: 1.inner (Function): gelu " + others);
  const Tensor row = Tensor::from({2}, {1, 2});  // a number a column
  CHECK(refusal(Sequential([row](const Tensor& x) { return x + row; }), {2, 2, 2}) ==
        "export: 0 (Function): add has a constant (2) beside (2, 2, 2); one number, or one a "
        "channel, can be exported to C");
  const auto means = [](const Tensor& x) {
    return x + reshape(global_avg_pool2d(x), {-1, 2, 1, 1});
  };
  CHECK(refusal(Sequential(means), {2, 2, 2}) ==
        "export: 0 (Function): add adds (2, 2, 2) and (2, 1, 1); only equal shapes can be exported "
        "to C");
  CHECK(refusal(Sequential(GroupNorm({.groups = 1, .channels = 4})), {4, 2, 2}) ==
        "export: 0 (GroupNorm): layer_norm " + others);
  CHECK(refusal(Sequential(GroupNorm({.groups = 2, .channels = 4})), {4, 2, 2}) ==
        "export: 0 (GroupNorm): reshape has a tensor (2 N, 8), and C code takes one image at a "
        "time");
  CHECK(refusal(Sequential(Conv2d({.in = 1, .out = 2, .kernel = 2, .dilation = {1, 2}}, rng)),
                {1, 4, 4}) ==
        "export: 0 (Conv2d): conv2d has a dilation, and cannot be exported to C");
  Sequential nothing{Flatten()};
  CHECK(error_of([&] { c_header("a", nothing, image, {.network = "a"}); }) ==
        "export: the network has no layer that computes anything");
}

#endif
