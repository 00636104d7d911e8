// load_images: the same pixels whatever the files, the classes, what is held back, and words.
#include "data/load_images.h"

#include "tests/data/image_files.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

using Names = std::vector<std::string>;

TrainTest random_sets(const Shape& image, Index classes) {
  return {.train = random_images(image, classes, 4, 1),
          .test = random_images(image, classes, 2, 2)};
}

// Labels that are not those of the images, in a folder of IDX files.
ImageSets with_labels(const std::vector<std::int32_t>& train, const std::vector<std::int32_t>& test,
                      const ImageOptions& options = {}) {
  const Folder folder;
  Dataset data = random_images({1, 2, 2}, static_cast<Index>(train.size()), 1, 1);
  data.class_ids = train;
  folder.write("a-train-images-idx3-ubyte", images_file(data));
  folder.write("a-train-labels-idx1-ubyte", labels_file(data));
  if (!test.empty()) {
    data = random_images({1, 2, 2}, static_cast<Index>(test.size()), 1, 2);
    data.class_ids = test;
    folder.write("a-t10k-images-idx3-ubyte", images_file(data));
    folder.write("a-t10k-labels-idx1-ubyte", labels_file(data));
  }
  return load_images(folder.path(), options);
}

std::string complaint(const std::vector<std::int32_t>& train, const std::vector<std::int32_t>& test,
                      const ImageOptions& options = {}) {
  const std::string text = error_of([&] { with_labels(train, test, options); });
  CHECK(text.starts_with("load_images: "));
  return text;
}

// The files of each kind, in a folder each; what is given to load_images.
struct Written {
  std::string kind;
  std::string path;
};

std::vector<Written> write_all_kinds(const Folder& folder, const TrainTest& sets) {
  const bool grey = sets.train.image.dim(0) == 1;
  for (const char* const kind : {"idx", "npz", "stored", "npy", "csv", "png", "pnm"}) {
    std::filesystem::create_directory(folder.file(kind));
  }
  const auto idx = [&](const Dataset& data) {
    return grey ? images_file(data) : colour_idx_file(data);
  };
  folder.write("idx/a-train-images-idx3-ubyte", idx(sets.train));
  folder.write_gzipped("idx/a-train-labels-idx1-ubyte.gz", labels_file(sets.train));
  folder.write_gzipped("idx/a-t10k-images-idx3-ubyte.gz", idx(sets.test));
  folder.write("idx/a-t10k-labels-idx1-ubyte", labels_file(sets.test));
  folder.write("npz/set.npz", npz_file(sets, true));
  folder.write("stored/set.npz", npz_file(sets, false));
  folder.write("npy/x_train.npy", npy_images(sets.train));
  folder.write("npy/y_train.npy", npy_labels(sets.train));
  folder.write("npy/x_test.npy", npy_images(sets.test));
  folder.write("npy/y_test.npy", npy_labels(sets.test));
  folder.write_gzipped("csv/train.csv.gz", csv_file(sets.train));
  folder.write("csv/test.csv", csv_file(sets.test));
  Names names;
  for (Index c = 0; c < sets.train.classes; ++c) names.push_back(fmt::format("{}", c));
  for (const auto& [part, data] :
       {std::pair("train", &sets.train), std::pair("test", &sets.test)}) {
    write_pictures(folder, std::string("png/") + part, *data, names, "png", png_of);
    write_pictures(folder, std::string("pnm/") + part, *data, names, grey ? "pgm" : "ppm", pnm_of);
  }
  return {{"IDX", folder.file("idx")},         {"NPZ", folder.file("npz")},
          {"NPZ", folder.file("npz/set.npz")}, {"stored NPZ", folder.file("stored")},
          {"NPY", folder.file("npy")},         {"CSV", folder.file("csv")},
          {"PNG", folder.file("png/")},        {"PGM or PPM", folder.file("pnm")}};
}

}  // namespace

TEST_CASE("the same pixels are the same dataset, whatever the files") {
  for (const Shape& image : {Shape{1, 6, 6}, Shape{3, 4, 4}}) {
    const TrainTest sets = random_sets(image, 12);
    const Folder folder;
    for (const Written& written : write_all_kinds(folder, sets)) {
      CAPTURE(written.kind);
      const ImageSets read = load_images(written.path);
      CHECK(read.train.image == image);
      CHECK(read.train.classes == 12);
      CHECK(read.train.checksum() == sets.train.checksum());
      CHECK(read.test.checksum() == sets.test.checksum());
      CHECK(read.notes.empty());
      CHECK(read.class_names.empty());
    }
  }
}

TEST_CASE("classes are counted by the labels, from 0 or from 1") {
  const ImageSets from_0 = with_labels({0, 2, 1}, {2});
  CHECK(from_0.train.classes == 3);
  CHECK(from_0.test.classes == 3);
  CHECK(from_0.train.class_ids == std::vector<std::int32_t>{0, 2, 1});
  CHECK(from_0.notes.empty());
  const ImageSets from_1 = with_labels({1, 3, 2}, {3});
  CHECK(from_1.train.classes == 3);
  CHECK(from_1.train.class_ids == std::vector<std::int32_t>{0, 2, 1});
  CHECK(from_1.test.class_ids == std::vector<std::int32_t>{2});
  CHECK(joined(from_1.notes) == "labels from 1 to 3 are shifted: classes 0 to 2");
  // The number that is told decides: 1 to 3 of three classes, but not of ten.
  CHECK(with_labels({1, 3, 2}, {3}, {.classes = 3}).train.class_ids[0] == 0);
  const ImageSets of_ten = with_labels({1, 3, 2}, {3}, {.classes = 10});
  CHECK(of_ten.train.class_ids[0] == 1);
  CHECK(of_ten.train.classes == 10);
  CHECK(joined(of_ten.notes) == "no training images of classes 0, 4, 5, 6, 7, 8 and 9");
  CHECK(joined(with_labels({0, 2}, {2}).notes) == "no training images of class 1");
}

TEST_CASE("labels that no number of classes has are refused, with their place") {
  CHECK(contains(complaint({0, 1}, {3}),
                 "test image 0 is of class 3, of which there is no training image; --classes 4"));
  CHECK(with_labels({0, 1}, {3}, {.classes = 4}).test.class_ids[0] == 3);
  // One wrong byte.
  CHECK(
      contains(complaint({0, 1, 200, 2}, {1}),
               "label 2 is 200, and only 4 of so many classes have training images; --classes 201 "
               "says that this is meant"));
  CHECK(with_labels({0, 1, 200}, {1}, {.classes = 201}).train.classes == 201);
  CHECK(contains(complaint({0, 7}, {0}, {.classes = 5}),
                 "label 1 is 7; labels of 5 classes go from 0 to 4, or from 1 to 5"));
  CHECK(contains(complaint({0, 5}, {0}, {.classes = 5}),
                 "label 1 is 5; labels of 5 classes go from 0 to 4, or from 1 to 5"));
  CHECK(contains(error_of([] { load_images("/", {.classes = -1}); }), "classes must be from 1"));
}

TEST_CASE("a share of each class is held back where there are no test images") {
  CHECK(contains(complaint({0, 1}, {}), "no test images; --test-share 0.2 holds a fifth"));
  CHECK(contains(complaint({0, 1}, {1}, {.test_share = 0.5}), "leave out --test-share"));
  CHECK(contains(complaint({0, 1}, {}, {.test_share = 0.5}), "no class has two images"));
  const Folder folder;
  const Dataset data = random_images({1, 3, 3}, 5, 8, 1);
  folder.write("all.csv", csv_file(data));
  const ImageSets sets = load_images(folder.file("all.csv"), {.test_share = 0.25});
  CHECK(sets.train.size() == 30);
  CHECK(sets.test.size() == 10);
  CHECK(joined(sets.notes) == "10 of 40 images are held back for the test, 0.25 of each class");
  for (std::int32_t c = 0; c < 5; ++c) {
    CHECK(std::ranges::count(sets.train.class_ids, c) == 6);
    CHECK(std::ranges::count(sets.test.class_ids, c) == 2);
  }
  CHECK(std::ranges::is_sorted(sets.train.class_ids));
  CHECK(load_images(folder.path(), {.test_share = 0.25}).test.checksum() == sets.test.checksum());
}

TEST_CASE("--size scales all images to one size, and transposing changes rows and columns") {
  const Folder folder;
  const Dataset data{.image = {1, 2, 4},
                     .classes = 2,
                     .pixels = {0, 10, 20, 30, 40, 50, 60, 70, 80, 80, 8, 8, 80, 80, 8, 8},
                     .class_ids = {0, 1}};
  const TrainTest sets{.train = data, .test = data};
  folder.write("set.npz", npz_file(sets, true));
  using Pixels = std::vector<std::uint8_t>;
  // By hand: each new pixel is the mean of 2 × 2.
  const ImageSets small = load_images(folder.path(), {.height = 1, .width = 2});
  CHECK(small.train.image == Shape{1, 1, 2});
  CHECK(small.train.pixels == Pixels{25, 45, 80, 8});
  CHECK(contains(joined(small.notes), "images of 2 x 4 are scaled to 1 x 2"));
  const ImageSets turned = load_images(folder.path(), {.transpose = true});
  CHECK(turned.train.image == Shape{1, 4, 2});
  CHECK(turned.test.pixels == Pixels{0, 40, 10, 50, 20, 60, 30, 70, 80, 80, 80, 80, 8, 8, 8, 8});
  CHECK(turned.notes.empty());
  CHECK(contains(error_of([&] { load_images(folder.path(), {.height = 3}); }),
                 "a size is HxW, each from 1 to 4096; got 3x0"));
}

TEST_CASE("sets whose channels differ are refused; no size would help") {
  const Folder folder;
  const TrainTest sets{.train = random_images({1, 2, 2}, 2, 1, 1),
                       .test = random_images({3, 2, 2}, 2, 1, 2)};
  folder.write("set.npz", npz_file(sets, true));
  CHECK(contains(error_of([&] { load_images(folder.path()); }),
                 "the training images have 1 channels and others 3; save all with as many"));
}

TEST_CASE("names of classes come from class_names.txt") {
  const Folder folder;
  const TrainTest sets = random_sets({1, 2, 2}, 3);
  folder.write("set.npz", npz_file(sets, true));
  folder.write("class_names.txt", "shirt\r\n\nshoe \ncoat of fur");
  CHECK(load_images(folder.path()).class_names == Names{"shirt", "shoe", "coat of fur"});
  CHECK(load_images(folder.file("set.npz")).class_names.size() == 3);
  folder.write("class_names.txt", "0 50\n1 60\n2 70\n");  // numbers, and no codes
  CHECK(load_images(folder.path()).class_names == Names{"0 50", "1 60", "2 70"});
  folder.write("class_names.txt", "shirt\n");
  CHECK(contains(error_of([&] { load_images(folder.path()); }),
                 "class_names.txt has 1 names; there are 3 classes"));
}

TEST_CASE("a path without images says what it has and where they may be") {
  CHECK(error_of([] { load_images("/no/such/folder"); }) ==
        "load_images: /no/such/folder: there is no such folder or file");
  const Folder folder;
  folder.write("notes.txt", "x");
  CHECK(contains(error_of([&] { load_images(folder.path()); }),
                 "has no images of a kind that is known, IDX files, NPZ or NPY, CSV, folders of "
                 "pictures, or CIFAR's binary files; it has notes.txt"));
  CHECK(
      contains(error_of([&] { load_images(folder.file("notes.txt")); }), "a single file is read"));
  std::filesystem::create_directory(folder.file("raw"));
  folder.write("raw/set.npz", npz_file(random_sets({1, 2, 2}, 2), true));
  CHECK(contains(error_of([&] { load_images(folder.path()); }),
                 "NPZ are in " + folder.file("raw") + ": give that folder"));
  // Two sets are told apart by their names.
  folder.write("first.npz", npz_file(random_sets({1, 2, 2}, 2), true));
  folder.write("second.npz", npz_file(random_sets({1, 2, 2}, 3), true));
  CHECK(
      contains(error_of([&] { load_images(folder.path()); }),
               "holds 2 sets, first (NPZ) and second (NPZ): choose one by its name, --set first"));
  CHECK(load_images(folder.path(), {.set = "second"}).train.classes == 3);
  CHECK(load_images(folder.path(), {.set = "FIR"}).train.classes == 2);
  // Links to nothing and to themselves are passed by.
  std::filesystem::create_symlink("nothing", folder.file("x.csv"));
  std::filesystem::create_symlink("loop", folder.file("loop"));
  std::filesystem::create_symlink("class_names.txt", folder.file("class_names.txt"));
  CHECK(load_images(folder.path(), {.set = "second"}).train.classes == 3);
  CHECK(contains(error_of([&] { load_images(folder.path(), {.set = "s"}); }),
                 "more than one set s; it holds first (NPZ) and second (NPZ)"));
  CHECK(contains(error_of([&] { load_images(folder.path(), {.set = "x"}); }), "has no set x"));
}

TEST_CASE("names of classes are read from lines of text and from EMNIST's mappings") {
  const Folder folder;
  const auto names = [&](const Bytes& text, Index classes) {
    return read_class_names(folder.write("names", text), classes);
  };
  CHECK(names("shirt\r\n\nshoe \ncoat of fur", 3) == Names{"shirt", "shoe", "coat of fur"});
  CHECK(names("0\n1\n", 2) == Names{"0", "1"});
  CHECK(names("7 up\n8 65\n", 2) == Names{"7 up", "8 65"});  // one line of words: all are names
  // Labels and codes: 65 is A, 97 a. In any order; from 0 or from 1.
  CHECK(names("1 66 98\n0 65 97\n2 49\n", 3) == Names{"Aa", "Bb", "1"});
  CHECK(names("1 65 97\n2 66 98\n", 2) == Names{"Aa", "Bb"});
  const auto complaint = [&](const Bytes& text, Index classes) {
    return error_of([&] { names(text, classes); });
  };
  CHECK(contains(complaint("a\nb\n", 3), "names has 2 names; there are 3 classes"));
  CHECK(contains(complaint("0 65\n1 66\n", 3), "names has 2 names; there are 3 classes"));
  CHECK(contains(complaint("0 65\n2 66\n", 2),
                 "names has labels from 0 to 2; those of 2 classes go from 0 or from 1 on"));
  CHECK(contains(complaint("-9223372036854775808 65\n9223372036854775807 66\n", 2),
                 "labels from -9223372036854775808 to 9223372036854775807"));
  CHECK(contains(complaint("\n", 2), "names has none: a line for each class belongs there"));
  CHECK(contains(error_of([] { read_class_names("/no/such", 2); }), "/no/such: cannot be opened"));
}
