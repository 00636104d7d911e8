// The IDX reader: what it reads, and what it refuses in which words.
#include "data/idx.h"

#include "tests/data/idx_files.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Two images of 2 × 3 with pixels 0 … 11, and their labels.
Bytes images_file() {
  Bytes bytes = word(0x803) + word(2) + word(2) + word(3);
  for (char pixel = 0; pixel < 12; ++pixel) bytes += pixel;
  return bytes;
}
Bytes labels_file(const Bytes& labels = {7, 9}) {
  return word(0x801) + word(static_cast<std::uint32_t>(labels.size())) + labels;
}

// What read_idx says to a file of images, with labels that are right.
std::string complaint_about_images(const Bytes& images) {
  const Folder folder;
  const std::string file = folder.write("images", images);
  const std::string labels = folder.write("labels", labels_file());
  const std::string text = error_of([&] { read_idx(file, labels, 10); });
  CHECK(contains(text, "read_idx: " + file));
  return text;
}

void write_mnist(const Folder& folder) {
  folder.write("train-images-idx3-ubyte", images_file());
  folder.write_gzipped("train-labels-idx1-ubyte.gz", labels_file());
  folder.write_gzipped("t10k-images-idx3-ubyte.gz", images_file());
  folder.write("t10k-labels-idx1-ubyte", labels_file());
}

}  // namespace

TEST_CASE("plain and gzipped files hold the same data") {
  const Folder folder;
  const std::string labels = folder.write("labels", labels_file());
  for (const std::string& images :
       {folder.write("images", images_file()), folder.write_gzipped("images.gz", images_file())}) {
    const Dataset data = read_idx(images, labels, 10);
    CHECK(data.size() == 2);
    CHECK(data.image == Shape{1, 2, 3});
    CHECK(data.class_ids == std::vector<std::int32_t>{7, 9});
    for (Index i = 0; i < 6; ++i) {
      CHECK(data.pixels_of(1)[static_cast<std::size_t>(i)] == static_cast<std::uint8_t>(6 + i));
    }
  }
}

TEST_CASE("load_mnist takes its four files, each gzipped or not") {
  const Folder folder;
  write_mnist(folder);
  const TrainTest sets = load_mnist(folder.path());
  CHECK(sets.train.size() == 2);
  CHECK(sets.test.class_ids == std::vector<std::int32_t>{7, 9});
  CHECK(sets.train.classes == 10);
}

TEST_CASE("a missing folder or file is named") {
  CHECK(contains(error_of([] { load_mnist("/no/such/folder"); }),
                 "load_mnist: /no/such/folder is not a folder"));
  const Folder folder;
  write_mnist(folder);
  std::filesystem::remove(folder.path() + "/t10k-labels-idx1-ubyte");
  CHECK(contains(error_of([&] { load_mnist(folder.path()); }),
                 "has no file t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz"));
  CHECK(contains(error_of([&] { read_idx("/no/file", "/no/file", 10); }), "No such file"));
  CHECK(contains(error_of([&] { read_idx(folder.path(), folder.path(), 10); }), "is a folder"));
}

TEST_CASE("files of another kind are refused, swapped ones with a hint") {
  CHECK(
      contains(complaint_about_images("PNG, say"), "begins with 0x504e472c instead of 0x00000803"));
  CHECK(contains(complaint_about_images(""), "too short for an IDX file"));
  CHECK(contains(complaint_about_images(labels_file()), "images and labels swapped?"));
  // Elements of another type: 0x0D is float.
  CHECK(contains(complaint_about_images(word(0xD03) + word(1)), "0x00000d03 instead"));
}

TEST_CASE("files of the wrong length are refused") {
  CHECK(
      contains(complaint_about_images(images_file().substr(0, 9)), "breaks off within its header"));
  CHECK(contains(complaint_about_images(images_file().substr(0, 20)),
                 "header promises 12 bytes of images, and it has 4"));
  CHECK(contains(complaint_about_images(images_file() + "x"), "goes on after the 12 bytes"));
  CHECK(contains(complaint_about_images(word(0x803) + word(2) + word(0) + word(3)),
                 "dimension 1 is 0"));
  const Bytes huge = word(0x803) + word(0xFFFFFFFF) + word(0xFFFFFFFF) + word(0xFFFFFFFF);
  CHECK(contains(complaint_about_images(huge), "more than any file can hold"));
  const Bytes large = word(0x803) + word(0xFFFFFFFF) + word(0xFFFF) + word(1);
  CHECK(contains(complaint_about_images(large), "and it has 0"));
}

TEST_CASE("a gzip that breaks off or is damaged is refused") {
  const Folder folder;
  const Bytes whole = read_all(folder.write_gzipped("images.gz", images_file()));
  for (std::size_t cut = 1; cut <= 10; ++cut) {  // the check sum and the length are eight bytes
    CHECK(contains(complaint_about_images(whole.substr(0, whole.size() - cut)),
                   "its gzip stream breaks off"));
  }
  Bytes damaged = whole;
  damaged[damaged.size() - 6] = static_cast<char>(damaged[damaged.size() - 6] ^ 1);  // in its CRC
  CHECK(contains(complaint_about_images(damaged), "the file is broken"));
}

TEST_CASE("labels that do not belong to the images are refused") {
  const Folder folder;
  const std::string images = folder.write("images", images_file());
  const std::string three = folder.write("three", labels_file({1, 2, 3}));
  CHECK(error_of([&] { read_idx(images, three, 10); }) ==
        "read_idx: " + images + " has 2 images and " + three + " has 3 labels");
  const std::string high = folder.write("high", labels_file({1, 10}));
  CHECK(error_of([&] { read_idx(images, high, 10); }) ==
        "read_idx: " + high + ": label 1 is 10; there are 10 classes, 0 to 9");
  const Folder uneven;
  write_mnist(uneven);
  uneven.write("train-images-idx3-ubyte",
               word(0x803) + word(2) + word(1) + word(3) + Bytes(6, '\0'));
  CHECK(contains(error_of([&] { load_mnist(uneven.path()); }),
                 "the training images are (1, 1, 3) and the test images (1, 2, 3)"));
}

TEST_CASE("IDX files cut anywhere, or changed at random, are refused or read") {
  const Folder folder;
  const std::string labels = folder.write("labels", labels_file());
  const std::string file = folder.file("images");
  Rng rng(1);
  for (const Bytes& whole :
       {images_file(), read_all(folder.write_gzipped("zipped", images_file()))}) {
    int refused = 0, accepted = 0;
    const auto read = [&](const Bytes& bytes) {
      folder.write("images", bytes);
      const std::string text = error_of([&] {
        const Dataset data = read_idx(file, labels, 10);
        CHECK(data.size() == 2);
        CHECK(static_cast<Index>(data.pixels.size()) == 2 * data.image.size());
      });
      const bool error = text.starts_with("read_idx: ") && contains(text, file);
      CHECK_MESSAGE((error || text == "(no error)"), text);
      ++(error ? refused : accepted);
    };
    for (std::size_t size = 0; size < whole.size(); ++size) read(whole.substr(0, size));
    CHECK(accepted == 0);
    for (int i = 0; i < 10'000; ++i) {
      Bytes bytes = whole;
      bytes[static_cast<std::size_t>(rng.below(static_cast<Index>(bytes.size())))] =
          static_cast<char>(rng.below(256));
      read(bytes);
    }
    CHECK(refused > 1000);
    CHECK(accepted > 100);
  }
}
