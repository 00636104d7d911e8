// Sets of IDX files: by all their names, and what EMNIST and QMNIST have of their own.
#include "data/load_images.h"
#include "tests/data/image_files.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Both sets of two classes, by the four names.
void write_set(const Folder& folder, const std::array<std::string, 4>& names, std::uint64_t seed) {
  const Dataset train = random_images({1, 3, 4}, 2, 2, seed);
  const Dataset test = random_images({1, 3, 4}, 2, 1, seed + 1);
  const std::array<Bytes, 4> bytes = {images_file(train), labels_file(train), images_file(test),
                                      labels_file(test)};
  for (std::size_t i = 0; i < 4; ++i) {
    names[i].ends_with(".gz") ? folder.write_gzipped(names[i], bytes[i])
                              : folder.write(names[i], bytes[i]);
  }
}

const std::array<std::string, 4> mnist = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                          "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

std::array<std::string, 4> emnist(const std::string& set) {
  const std::string name = "emnist-" + set;
  return {name + "-train-images-idx3-ubyte.gz", name + "-train-labels-idx1-ubyte.gz",
          name + "-test-images-idx3-ubyte.gz", name + "-test-labels-idx1-ubyte.gz"};
}

std::string complaint(const Folder& folder, const ImageOptions& options = {}) {
  return error_of([&] { load_images(folder.path(), options); });
}

}  // namespace

TEST_CASE("IDX files are found by all names that they have") {
  const std::array<std::array<std::string, 4>, 4> all = {
      {{"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz"},
       {"train-images.idx3-ubyte", "train-labels.idx1-ubyte", "t10k-images.idx3-ubyte",
        "t10k-labels.idx1-ubyte"},
       {"Fashion_Train_Images.IDX3-ubyte", "Fashion_Train_Labels.IDX1-ubyte",
        "Fashion_Test_Images.IDX3-ubyte", "Fashion_Test_Labels.IDX1-ubyte"},
       {"kmnist-train-images-idx3-ubyte.gz", "kmnist-train-labels-idx1-ubyte.gz",
        "kmnist-test-images-idx3-ubyte.gz", "kmnist-test-labels-idx1-ubyte.gz"}}};
  for (const auto& names : all) {
    CAPTURE(names[0]);
    const Folder folder;
    write_set(folder, names, 1);
    const ImageSets sets = load_images(folder.path());
    CHECK(sets.train.image == Shape{1, 3, 4});
    CHECK(sets.train.pixels == random_images({1, 3, 4}, 2, 2, 1).pixels);
    CHECK(sets.test.pixels == random_images({1, 3, 4}, 2, 1, 2).pixels);
    CHECK(sets.test.class_ids == std::vector<std::int32_t>{0, 1});
  }
}

TEST_CASE("MNIST's four files are read whatever lies beside them") {
  const Folder folder;
  write_set(folder, mnist, 1);
  folder.write("train-images-idx3-ubyte.gz", "not looked at");
  folder.write("train-images.idx3-ubyte", "nor this");
  folder.write("Train-Labels-idx1-ubyte", "nor this");
  folder.write("epochs.csv", "epoch,loss,errors,time\n1,0.5,300,7\n");
  std::filesystem::create_directory(folder.file("plots"));
  folder.write("plots/a.png", "a plot");
  std::filesystem::create_symlink("nothing", folder.file("x.csv"));
  CHECK(load_images(folder.path()).train.pixels == random_images({1, 3, 4}, 2, 2, 1).pixels);
}

TEST_CASE("MNIST has ten classes, unless another number is told") {
  const Folder folder;
  write_set(folder, mnist, 1);
  CHECK(load_images(folder.path()).train.classes == 10);
  CHECK(load_images(folder.path(), {.classes = 2}).train.classes == 2);
  const auto label = [&](char last) {
    folder.write("train-labels-idx1-ubyte", word(0x801) + word(4) + "\1\2\3" + Bytes(1, last));
  };
  folder.write("t10k-labels-idx1-ubyte", word(0x801) + word(2) + "\1\2");
  label(5);  // 1 to 5 of ten, not shifted
  CHECK(load_images(folder.path()).train.class_ids == std::vector<std::int32_t>{1, 2, 3, 5});
  label(11);
  CHECK(contains(complaint(folder),
                 "label 3 is 11; labels of 10 classes go from 0 to 9, or from 1 to 10; --classes N "
                 "tells another number than MNIST's"));
}

TEST_CASE("a file that is there plain and gzipped is one file") {
  const Folder folder;
  write_set(folder,
            {"a-train-images-idx3-ubyte", "a-train-labels-idx1-ubyte", "a-t10k-images-idx3-ubyte",
             "a-t10k-labels-idx1-ubyte"},
            1);
  folder.write("a-train-images-idx3-ubyte.gz", "not looked at");
  CHECK(load_images(folder.path()).train.size() == 4);
  folder.write("a-train-images.idx3-ubyte", "the same by another name");
  CHECK(contains(complaint(folder), "are the same part of one set: take one of them away"));
}

TEST_CASE("EMNIST's images are turned upright, and its mapping names the classes") {
  const Folder folder;
  write_set(folder, emnist("letters"), 1);
  folder.write("emnist-letters-mapping.txt", "0 65 97\r\n1 66 98\r\n");
  const Dataset lying = random_images({1, 3, 4}, 2, 2, 1);
  const ImageSets upright = load_images(folder.path());
  CHECK(upright.train.image == Shape{1, 4, 3});
  for (Index y = 0; y < 3; ++y) {
    for (Index x = 0; x < 4; ++x) {
      CHECK(upright.train.pixels_of(3)[static_cast<std::size_t>(3 * x + y)] ==
            lying.pixels_of(3)[static_cast<std::size_t>(4 * y + x)]);
    }
  }
  CHECK(joined(upright.notes) == "EMNIST's images lie on their side and are turned upright");
  CHECK(upright.class_names == std::vector<std::string>{"Aa", "Bb"});
  const ImageSets left = load_images(folder.path(), {.transpose = false});
  CHECK(left.train.checksum() == lying.checksum());
  CHECK(left.notes.empty());
  folder.write("emnist-letters-mapping.txt", "0 65 97\n1 B\n");
  CHECK(contains(complaint(folder), "mapping.txt: '1 B' is not a label and the codes"));
  // Labels from 1 on are shifted together with their names.
  Dataset from_1 = random_images({1, 3, 4}, 2, 2, 1);
  for (std::int32_t& label : from_1.class_ids) ++label;
  folder.write_gzipped("emnist-letters-train-labels-idx1-ubyte.gz", labels_file(from_1));
  from_1 = random_images({1, 3, 4}, 2, 1, 2);
  for (std::int32_t& label : from_1.class_ids) ++label;
  folder.write_gzipped("emnist-letters-test-labels-idx1-ubyte.gz", labels_file(from_1));
  folder.write("emnist-letters-mapping.txt", "1 65 97\n2 66 98\n");
  const ImageSets shifted = load_images(folder.path());
  CHECK(shifted.class_names == std::vector<std::string>{"Aa", "Bb"});
  CHECK(shifted.train.class_ids == std::vector<std::int32_t>{0, 0, 1, 1});
}

TEST_CASE("of several sets in a folder one is chosen") {
  const Folder folder;
  write_set(folder, emnist("letters"), 1);
  write_set(folder, emnist("balanced"), 5);
  CHECK(contains(complaint(folder),
                 "holds 2 sets, emnist-balanced (IDX files) and emnist-letters "
                 "(IDX files): choose one by its name, --set emnist-balanced"));
  CHECK(load_images(folder.path(), {.set = "letters", .transpose = false}).train.checksum() ==
        random_images({1, 3, 4}, 2, 2, 1).checksum());
}

TEST_CASE("QMNIST's class is the first of a label's eight numbers") {
  const Folder folder;
  const Dataset data = random_images({1, 2, 2}, 3, 1, 1);
  Bytes labels = word(0xC02) + word(3) + word(8);
  for (std::uint32_t i = 0; i < 3; ++i) {
    labels += word(i);
    for (std::uint32_t rest = 1; rest < 8; ++rest) labels += word(1000 * rest);
  }
  for (const char* const part : {"train", "test"}) {
    folder.write(fmt::format("qmnist-{}-images-idx3-ubyte", part), images_file(data));
    folder.write_gzipped(fmt::format("qmnist-{}-labels-idx2-int.gz", part), labels);
  }
  CHECK(load_images(folder.path()).train.checksum() == data.checksum());
  const Bytes two = word(0xC02) + word(3) + word(2) + Bytes(24, '\0');
  folder.write_gzipped("qmnist-test-labels-idx2-int.gz", two);
  CHECK(contains(complaint(folder), "its labels have 2 columns; QMNIST's have 8"));
}

TEST_CASE("IDX files that are something else, or miss their other half, are refused") {
  const Folder folder;
  write_set(folder, emnist("letters"), 1);
  const std::string file = folder.file("emnist-letters-train-images-idx3-ubyte.gz");
  folder.write("emnist-letters-train-images-idx3-ubyte.gz", "<!DOCTYPE html><html>404</html>");
  CHECK(contains(complaint(folder), "load_images: " + file +
                                        ": not an IDX file of images: it begins with 0x3c21444f "
                                        "instead of 0x00000803; it is a web page"));
  folder.write("emnist-letters-train-images-idx3-ubyte.gz",
               word(0xD03) + word(1) + word(1) + word(1) + word(0));
  CHECK(contains(complaint(folder), "its elements are floats; write them as unsigned bytes"));
  folder.write("emnist-letters-train-images-idx3-ubyte.gz", word(0x802) + word(1) + word(1) + "x");
  CHECK(contains(complaint(folder), "0x00000803: it has 2 dimensions"));
  std::filesystem::remove(file);
  CHECK(contains(complaint(folder),
                 "-train-labels-idx1-ubyte.gz is there, and its file of images "
                 "is not"));
}
