// Exported C code: compiled by C compilers, run, and compared with the network it came from.
#include "nn/export/c_header.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <numeric>
#include <sstream>

#include "core/parallel.h"
#include "core/text.h"
#include "data/synthetic_digits.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/dropout.h"
#include "nn/group_norm.h"
#include "nn/linear.h"
#include "nn/model_spec.h"
#include "nn/normalize.h"
#include "nn/pooling.h"
#include "nn/residual.h"
#include "nn/train/evaluate.h"
#include "nn/train/trainer.h"
#include "tests/data/idx_files.h"
#include "tests/nn/export/networks.h"
#include "tests/testing.h"

#ifndef LIMBECK_REAL_DOUBLE  // what is exported computes in float

using namespace limbeck;
using namespace limbeck::testing;

namespace {

constexpr const char* strict = "-std=c99 -Wall -Wextra -Werror -pedantic ";

const TrainTest& digits() {
  static const TrainTest sets = synthetic_digits({.train = 2000, .test = 500});
  return sets;
}

// Everything that a window, groups and the order of layers can be.
Sequential mixed(Rng& rng) {
  Sequential block(
      Conv2d({.in = 8, .out = 12, .kernel = {3, 5}, .padding = {1, 2}, .groups = 4}, rng),
      BatchNorm2d({.channels = 12}), AvgPool2d({.kernel = 3, .stride = 2, .padding = 1}), ReLU());
  Sequential net;
  net.add(Conv2d({.in = 1, .out = 8, .kernel = 5, .stride = {2, 1}, .padding = {2, 1}}, rng))
      .add(MaxPool2d({.kernel = {2, 3}, .stride = {1, 2}, .padding = {0, 1}}))
      .add(std::move(block))
      .add(Conv2d({.in = 12, .out = 16, .kernel = 3, .padding = 3}, rng))
      .add(Conv2d({.in = 16, .out = 16, .kernel = 3, .groups = 16, .bias = false}, rng))
      .add(BatchNorm2d({.channels = 16}))
      .add(ReLU())
      .add(Dropout({.p = 0.1}, rng))
      .add(GlobalAvgPool2d())
      .add(Linear({.in = 16, .out = 10}, rng));
  return net;
}

// Convolutions alone, whose last one's means are the logits.
Sequential convolutional(Rng& rng) {
  Sequential net;
  Index in = 1;
  for (const Index out : {8, 16, 32}) {
    net.add(Conv2d({.in = in, .out = out, .kernel = 3, .stride = 2, .padding = 1}, rng));
    net.add(BatchNorm2d({.channels = out})).add(ReLU());
    in = out;
  }
  return std::move(net.add(Conv2d({.in = in, .out = 10}, rng)).add(GlobalAvgPool2d()));
}

// With layers that only scale and shift: at the beginning, after a ReLU, by a number.
Sequential scaled(Rng& rng) {
  Sequential net(Normalize({.mean = {0.2}, .deviation = {0.35}}),
                 Conv2d({.in = 1, .out = 6, .kernel = 5, .stride = 2, .padding = 2}, rng), ReLU(),
                 BatchNorm2d({.channels = 6}), MaxPool2d({.kernel = 2}), Flatten(),
                 [](const Tensor& x) { return 1 - (x + 0.5) / 2; });
  return std::move(net.add(Linear({.in = 6 * 7 * 7, .out = 10}, rng)));
}

// A student of this kind, trained once, a little; on one thread, as it is too small for more.
Sequential& student(const std::string& kind) {
  static std::map<std::string, Sequential> trained;
  const auto known = trained.find(kind);
  if (known != trained.end()) return known->second;
  Rng rng(7);
  Sequential net = kind == "mixed"           ? mixed(rng)
                   : kind == "convolutional" ? convolutional(rng)
                   : kind == "residual"      ? resnet8(1, 10, rng)
                   : kind == "scaled"        ? scaled(rng)
                                             : make_model(kind, digits().train.image, 10, {}, rng);
  const int before = threads();
  set_threads(1);
  train_classifier(net, digits().train, {.epochs = 3, .batch_size = 32, .lr = 5e-3});
  set_threads(before);
  return trained.emplace(kind, std::move(net)).first->second;
}

const std::vector<std::string>& kinds() {
  static const std::vector<std::string> all = {"mlp:32,16",     "cnn:4,8,16", "cnn-tiny", "mixed",
                                               "convolutional", "residual",   "scaled"};
  return all;
}

bool runs(const std::string& command) {
  return std::system(command.c_str()) == 0;
}

// The compilers that are there, with what else they are asked for: an optimiser that may fuse and
// reorder what the language lets it, or none.
std::vector<std::string> compilers() {
  std::vector<std::string> all = {"gcc -O3 -march=native -ffp-contract=fast "};
  if (runs("command -v clang > /dev/null")) {
    all.emplace_back("clang -O1 ");
  } else {
    MESSAGE("clang is not there: its compilation of exported code is skipped");
  }
  return all;
}

// Runs a command in the folder, which must succeed and say nothing.
void demand(const Folder& folder, const std::string& command) {
  const bool done = runs("cd " + folder.path() + " && (" + command + ") > log 2>&1");
  const std::string said = read_all(folder.file("log"));
  REQUIRE_MESSAGE(done, command << "\n" << said);
  REQUIRE_MESSAGE(said.empty(), command << "\n" << said);
}

// A program that reads images and writes the logits for each.
std::string driver(const std::string& file) {
  std::string text = R"(
#include <stdio.h>
#include "FILE.h"

int main(void)
{
    static float image[NAME_pixels], logits[NAME_classes];
    FILE *in = fopen("images", "rb"), *out = fopen("logits", "wb");
    if (!in || !out) return 1;
    while (fread(image, sizeof image, 1, in) == 1) {
        NAME_predict(image, logits);
        fwrite(logits, sizeof logits, 1, out);
    }
    return fclose(in) || fclose(out);
}
)";
  for (const auto& [word, by] : {std::pair("FILE.h", file), std::pair("NAME", c_name(file))}) {
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos;) {
      text.replace(at, std::string(word).size(), by);
    }
  }
  return text;
}

// Compiles a program for the header `file` in the folder.
void compile_c(const Folder& folder, const std::string& file, const std::string& compiler) {
  folder.write("main.c", driver(file));
  demand(folder, compiler + strict + "main.c -o main");
}

// The logits (N, classes) for these images by the program that was compiled last in the folder.
Tensor compiled_logits(const Folder& folder, const Tensor& images) {
  const auto pixels = images.values();
  folder.write("images", Bytes(reinterpret_cast<const char*>(pixels.data()), pixels.size_bytes()));
  demand(folder, "./main");
  const Bytes bytes = read_all(folder.file("logits"));
  Tensor logits = Tensor::empty(
      {images.dim(0), static_cast<Index>(bytes.size() / sizeof(real)) / images.dim(0)});
  REQUIRE(logits.values().size_bytes() == bytes.size());
  std::memcpy(logits.data(), bytes.data(), bytes.size());
  return logits;
}

Tensor c_logits(const Folder& folder, const std::string& file, const std::string& compiler,
                const Tensor& images) {
  compile_c(folder, file, compiler);
  return compiled_logits(folder, images);
}

Tensor all_images(const Dataset& data) {
  std::vector<Index> all(static_cast<std::size_t>(data.size()));
  std::iota(all.begin(), all.end(), Index{0});
  return make_batch(data, all).images;
}

double rms(const Tensor& x) {
  return std::sqrt(mean(square(x)).item());
}

// By how much the largest of a row was ahead, at most, of another that was chosen instead.
double largest_lead_lost(const Tensor& logits, const std::vector<std::int32_t>& chosen) {
  const Tensor largest = max_last(logits);
  const auto z = logits.values(), m = largest.values();
  const std::size_t classes = z.size() / m.size();
  double lead = 0;
  for (std::size_t n = 0; n < m.size(); ++n) {
    const auto other = static_cast<std::size_t>(chosen[n]);
    lead = std::max<double>(lead, m[n] - z[n * classes + other]);
  }
  return lead;
}

}  // namespace

TEST_CASE("the C code decides as the network does, on every image") {
  const Dataset& test = digits().test;
  for (const std::string& kind : kinds()) {
    CAPTURE(kind);
    const Folder folder;
    export_c(student(kind), test.image, folder.file("student.h"), {.network = kind});
    const Tensor expected = logits_of(student(kind), test);
    for (const std::string& compiler : compilers()) {
      CAPTURE(compiler);
      const Tensor logits = c_logits(folder, "student.h", compiler, all_images(test));
      CHECK(difference(logits, expected) < 1e-4);
      CHECK(argmax_last(logits) == argmax_last(expected));
    }
  }
}

// Rounding to 8 bits moves the logits of these networks by 1 to 10 % of their size: by how much,
// and how many decisions are then turned, depends on the weights, and these on how a machine
// rounds. But a decision is only turned where the two largest are near beside that, and as often
// for the better.
TEST_CASE("the C code in integers is the network in integers to the bit, and errs little more") {
  const Dataset& test = digits().test;
  // No dataset's pixels, and some beyond what pixels can be.
  const Tensor odd = random_tensor(test.image.with_front(50), 5, -0.2, 1.2);
  for (const std::string& kind : kinds()) {
    CAPTURE(kind);
    const Folder folder;
    QuantizedNetwork quantized(quantize(student(kind), all_images(digits().train)));
    export_c_int8(quantized, folder.file("student.h"), {.network = kind});
    for (const std::string& compiler : compilers()) {
      CAPTURE(compiler);
      compile_c(folder, "student.h", compiler);
      CHECK(same_bits(compiled_logits(folder, all_images(test)), logits_of(quantized, test)));
      CHECK(same_bits(compiled_logits(folder, odd), quantized(odd)));
    }
    const Tensor exact = logits_of(student(kind), test), rounded = logits_of(quantized, test);
    const std::vector<std::int32_t> floats = argmax_last(exact), integers = argmax_last(rounded);
    const Index before = count_errors(floats, test), after = count_errors(integers, test);
    const double turned = (1 - agreement(floats, integers)) * static_cast<double>(test.size());
    const double moved = rms(rounded - exact);
    MESSAGE(kind << ": " << before << " errors of 500 in floats, " << after << " in integers; "
                 << turned << " decisions turned, logits moved by " << 100 * moved / rms(exact)
                 << " %");
    CHECK(before < 250);  // it has learnt something
    CHECK(turned <= 60);  // of 500; 28 have been seen
    CHECK(moved < 0.15 * rms(exact));
    CHECK(largest_lead_lost(exact, integers) < 6 * moved);
    // Each turns for the better or the worse as a coin falls: four standard deviations.
    CHECK(static_cast<double>(after - before) <= 4 * std::sqrt(turned));
  }
}

TEST_CASE("any layer may be the first and the last of the C code") {
  Rng rng(2);
  const Shape image = {2, 4, 4};
  const Tensor images = random_tensor(image.with_front(20), 6);
  const auto linear = [&] { return Linear({.in = 32, .out = 3}, rng); };
  const auto check = [&](Sequential net) {
    CAPTURE(summary(net, image));
    const Folder folder;
    export_c(net, image, folder.file("a.h"), {.network = "a"});
    const Tensor logits = c_logits(folder, "a.h", "gcc ", images);
    CHECK(difference(logits, flatten(net(images))) < 1e-5);
  };
  check(Sequential(Flatten(), linear()));
  check(Sequential(ReLU(), Flatten(), linear(), ReLU()));
  check(Sequential(MaxPool2d({.kernel = 2})));
  check(Sequential(Normalize({.mean = {0.5, -1}, .deviation = {2, 0.25}})));
  check(Sequential(Flatten(), [](const Tensor& x) { return (3 - x) * 2 - 1; }));
  check(Sequential(AvgPool2d({.kernel = 2}), GlobalAvgPool2d()));
  check(Sequential(Conv2d({.in = 2, .out = 4, .kernel = 3, .groups = 2}, rng), Flatten()));
}

TEST_CASE("sums of any earlier results go through as few buffers as there are results to keep") {
  Rng rng(2);
  const Shape image = {2, 4, 4};
  const Tensor images = random_tensor(image.with_front(20), 6);
  const auto conv = [&] { return Conv2d({.in = 2, .out = 2, .kernel = 3, .padding = 1}, rng); };
  const auto check = [&](const Function::Body& body, const std::string& buffers) {
    Sequential net{Function(body)};
    const Folder folder;
    export_c(net, image, folder.file("a.h"));
    CHECK(difference(c_logits(folder, "a.h", "gcc ", images), flatten(net(images))) < 1e-5);
    std::string found;
    std::istringstream lines(read_all(folder.file("a.h")));
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("    static float ")) found += line.substr(17, 1);
    }
    CHECK(found == buffers);
  };
  Conv2d f = conv(), g = conv(), h = conv();
  check([&](const Tensor& x) { return x + f(x); }, "a");
  check([&](const Tensor& x) { return h(relu(f(x) + f(x))); }, "ab");
  check(
      [&](const Tensor& x) {
        const Tensor a = f(x), b = g(a), c = h(b);
        return relu(x + c) + (b + a) + a;
      },
      "abc");
  check(
      [&](const Tensor& x) {
        const Tensor a = relu(x);
        return reshape(a + a, {a.dim(0), 4, 8}) + reshape(f(a), {a.dim(0), 4, 8});
      },
      "ab");
}

TEST_CASE("the C code touches no memory that is not its own, and overflows nothing") {
  const Tensor images = random_tensor({3, 1, 28, 28}, 4, 0, 1);
  const Folder folder;
  export_c(student("mixed"), digits().test.image, folder.file("a.h"), {.network = "mixed"});
  QuantizedNetwork quantized(quantize(student("mixed"), all_images(digits().train)));
  export_c_int8(quantized, folder.file("b.h"), {.network = "mixed"});
  const std::string watched = "gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all ";
  const EvalMode eval_mode(student("mixed"));
  CHECK(difference(c_logits(folder, "a.h", watched, images), student("mixed")(images)) < 1e-4);
  CHECK(same_bits(c_logits(folder, "b.h", watched, images), quantized(images)));
}

TEST_CASE("several headers go into one C file, and one into several") {
  const Folder folder;
  const Shape image = digits().test.image;
  QuantizedNetwork quantized(quantize(student("cnn-tiny"), all_images(digits().train)));
  export_c(student("cnn-tiny"), image, folder.file("tiny.h"), {.network = "cnn-tiny"});
  export_c_int8(quantized, folder.file("tiny-8.h"), {.network = "cnn-tiny"});
  export_c(student("mlp:32,16"), image, folder.file("tiny_perceptron.h"), {.network = "mlp:32,16"});
  const std::string includes =
      "#include \"tiny.h\"\n#include \"tiny-8.h\"\n#include \"tiny_perceptron.h\"\n"
      "#include \"tiny.h\"\n";
  const std::string calls =
      "{ tiny_predict(x, y); tiny_8_predict(x, y); tiny_perceptron_predict(x, y); }\n";
  folder.write("one.c", includes +
                            "void one(const float *x, float *y);\n"
                            "void one(const float *x, float *y) " +
                            calls);
  folder.write("two.c", includes +
                            "void one(const float *x, float *y);\n"
                            "static void two(const float *x, float *y) " +
                            calls +
                            "int main(void)\n{\n    static float x[tiny_pixels], y[tiny_classes];\n"
                            "    one(x, y);\n    two(x, y);\n    return 0;\n}\n");
  folder.write("none.c", includes + "int unused;\n");  // nothing is called, and nothing warns
  for (const std::string& compiler : compilers()) {
    CAPTURE(compiler);
    demand(folder, compiler + strict + "one.c two.c none.c -o both && ./both");
  }
}

TEST_CASE("the head tells the sizes that the compiled code has") {
  const Folder folder;
  const auto check = [&](const std::string& file) {
    folder.write("size.c", "#include \"" + file +
                               "\"\nvoid f(const float *x, float *y);\n"
                               "void f(const float *x, float *y) { " +
                               c_name(file) + "_predict(x, y); }\n");
    demand(folder, "gcc -O0 -c size.c && nm -S -t d size.o > symbols");
    Index tables = 0, scratch = 0;
    std::istringstream lines(read_all(folder.file("symbols")));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string address, type;
      Index size = 0;
      words >> address >> size >> type;
      if (type == "r") tables += size;
      if (type == "b") scratch += size;
    }
    const std::string claim = fmt::format("// Memory: {} bytes of tables, {} bytes of scratch,",
                                          thousands(tables), thousands(scratch));
    CAPTURE(claim);
    CHECK(tables > 0);
    CHECK(contains(read_all(folder.file(file)), claim));
  };
  for (const std::string kind : {"mlp:32,16", "mixed"}) {
    QuantizedNetwork quantized(quantize(student(kind), all_images(digits().train)));
    export_c(student(kind), digits().test.image, folder.file("a.h"), {.network = kind});
    export_c_int8(quantized, folder.file("b.h"), {.network = kind});
    check("a.h");
    check("b.h");
  }
}

TEST_CASE("nothing in a network's name or errors can end the comment that they stand in") {
  Rng rng(1);
  Sequential net(Flatten(), Linear({.in = 4, .out = 2}, rng));
  const Folder folder;
  export_c(net, {1, 2, 2}, folder.file("a.h"),
           {.network = "*/ x\n#error \\",
            .errors = "é \r\t ?"
                      "?/\\"});
  const Tensor images = Tensor::zeros({1, 1, 2, 2});
  CHECK(difference(c_logits(folder, "a.h", "gcc ", images), net(images)) < 1e-6);
}

TEST_CASE("weights come back from the C code to the bit") {
  const std::vector<real> odd = {
      real(1) / 3, real(-0.1),           real(1e-45), real(-3.4028235e38),
      16777216,    real(1.17549435e-38), 0,           -5};
  Rng rng(1);
  Sequential net(Flatten(), Linear({.in = 8, .out = 1, .bias = false}, rng));
  std::ranges::copy(odd, net.parameters().at(0).values().begin());
  Tensor images = Tensor::zeros({8, 1, 2, 4});  // image i has a 1 at pixel i, and zeros
  for (std::size_t i = 0; i < 8; ++i) images.values()[9 * i] = 1;
  const Folder folder;
  export_c(net, {1, 2, 4}, folder.file("a.h"), {.network = "odd"});
  for (const std::string& compiler : compilers()) {
    CHECK(same_bits(c_logits(folder, "a.h", compiler, images), Tensor::from({8, 1}, odd)));
  }
}

#endif
