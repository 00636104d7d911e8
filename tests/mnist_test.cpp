// The real MNIST, where the environment's MNIST_DIR names the folder of its four files.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "data/idx.h"
#include "nn/models.h"
#include "nn/train/evaluate.h"
#include "nn/train/trainer.h"
#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// The folder, or "" with a word that the test is skipped.
std::string mnist_folder() {
  const char* const folder = std::getenv("MNIST_DIR");
  if (folder == nullptr || *folder == '\0') {
    MESSAGE("skipped: MNIST_DIR does not name a folder with the real MNIST");
    return "";
  }
  return folder;
}

// The MD5 of what a file, gzipped or not, unpacks to.
std::string md5_of(const std::string& folder, const std::string& name) {
  const std::string plain = folder + "/" + name;
  const std::string file = std::filesystem::exists(plain) ? plain : plain + ".gz";
  std::FILE* const pipe = popen(("gzip -cdf '" + file + "' | md5sum").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 33> text{};
  const std::size_t got = std::fread(text.data(), 1, 32, pipe);
  pclose(pipe);
  return {text.data(), got};
}

}  // namespace

TEST_CASE("MNIST is read as its makers published it") {
  const std::string folder = mnist_folder();
  if (folder.empty()) return;
  CHECK(md5_of(folder, "train-images-idx3-ubyte") == "6bbc9ace898e44ae57da46a324031adb");
  CHECK(md5_of(folder, "train-labels-idx1-ubyte") == "a25bea736e30d166cdddb491f175f624");
  CHECK(md5_of(folder, "t10k-images-idx3-ubyte") == "2646ac647ad5339dbf082846283269ea");
  CHECK(md5_of(folder, "t10k-labels-idx1-ubyte") == "27ae3e4e09519cfbb04c329615203637");

  const auto [train, test] = load_mnist(folder);
  CHECK(train.size() == 60'000);
  CHECK(test.size() == 10'000);
  CHECK(train.image == Shape{1, 28, 28});
  CHECK(test.pixels.size() == 7'840'000);
  const auto first_five = [](const Dataset& data) {
    return std::vector<std::int32_t>(data.class_ids.begin(), data.class_ids.begin() + 5);
  };
  CHECK(first_five(train) == std::vector<std::int32_t>{5, 0, 4, 1, 9});
  CHECK(first_five(test) == std::vector<std::int32_t>{7, 2, 1, 0, 4});
  // As many 3s as the paper counts in the test set.
  CHECK(std::ranges::count(test.class_ids, 3) == 1010);
}

TEST_CASE("a small network learns MNIST from 5,000 images in a second or two") {
  const std::string folder = mnist_folder();
  if (folder.empty()) return;
  const auto [train, test] = load_mnist(folder);
  Rng rng(1);
  const Dataset some = train.sample(5'000, rng);
  Sequential model = mlp({784, 64, 10}, {}, rng);
  train_classifier(model, some, {.epochs = 5, .batch_size = 50, .lr = 2e-3});
  // Measured on ten seeds: 781 to 871 errors, and 1006 to 1055 without the hidden layer.
  CHECK(count_errors(model, test) < 950);
}
