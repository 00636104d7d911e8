// Arrays of numpy: names, shapes and types that images have, and archives that are broken.
#include "data/load_images.h"
#include "tests/data/image_files.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

using Pixels = std::vector<std::uint8_t>;
using Members = std::vector<std::pair<std::string, Bytes>>;

ImageSets read(const Members& members, const ImageOptions& options = {.test_share = 0.5}) {
  const Folder folder;
  return load_images(folder.write("set.npz", zip_file(members, true)), options);
}

std::string complaint_about(const Bytes& archive,
                            const ImageOptions& options = {.test_share = 0.5}) {
  const Folder folder;
  const std::string file = folder.write("set.npz", archive);
  const std::string error = error_of([&] { load_images(file, options); });
  CHECK(error.starts_with("load_images: " + file));
  return error.substr(std::min(error.size(), file.size() + 15));
}

const Bytes two_labels = npy_file("|u1", "(2,)", Bytes(2, '\0'));

// Two images of these elements and shape, of one class: the first of them.
ImageSets read_images(const std::string& dtype, const std::string& shape, const Bytes& elements,
                      const ImageOptions& options = {.test_share = 0.5}) {
  return read({{"images.npy", npy_file(dtype, shape, elements)}, {"labels.npy", two_labels}},
              options);
}

template <class T>
Bytes twice(const std::vector<T>& values) {
  return elements_of(values) + elements_of(values);
}

}  // namespace

TEST_CASE("arrays are found by the names that data sets give them") {
  const TrainTest sets{.train = random_images({1, 3, 3}, 2, 3, 1),
                       .test = random_images({1, 3, 3}, 2, 1, 2)};
  const auto images = [](const Dataset& data) { return npy_images(data); };
  for (const auto& names : {std::array<std::string, 4>{"x_train", "y_train", "x_test", "y_test"},
                            {"train_images", "train_labels", "test_images", "test_labels"},
                            {"X_train", "Y_train", "X_test", "Y_test"},
                            {"data-train", "target-train", "data-test", "target-test"}}) {
    CAPTURE(names[0]);
    const Members members = {{names[0] + ".npy", images(sets.train)},
                             {names[1] + ".npy", npy_labels(sets.train)},
                             {names[2] + ".npy", images(sets.test)},
                             {names[3] + ".npy", npy_labels(sets.test)}};
    const ImageSets in_one = read(members, {});
    CHECK(in_one.train.checksum() == sets.train.checksum());
    CHECK(in_one.test.checksum() == sets.test.checksum());
    // As files of NPY, and of NPZ with an array each.
    const Folder folder, packed;
    for (const auto& [name, bytes] : members) {
      folder.write(name, bytes);
      packed.write("k49-" + name.substr(0, name.size() - 4) + ".npz",
                   zip_file({{"arr_0.npy", bytes}}, true));
    }
    CHECK(load_images(folder.path()).test.checksum() == sets.test.checksum());
    CHECK(load_images(packed.path()).train.checksum() == sets.train.checksum());
  }
}

TEST_CASE("MedMNIST's arrays have a validation set, and labels in a column") {
  const Dataset data = random_images({3, 5, 5}, 3, 1, 1);
  const Bytes labels = npy_file("|u1", "(3, 1)", Bytes("\0\1\2", 3));
  Members members;
  for (const char* const part : {"train", "val", "test"}) {
    members.emplace_back(fmt::format("{}_images.npy", part), npy_images(data));
    members.emplace_back(fmt::format("{}_labels.npy", part), labels);
  }
  const ImageSets sets = read(members, {});
  REQUIRE(sets.validation.has_value());
  for (const Dataset* const set : {&sets.train, &sets.test, &*sets.validation}) {
    CHECK(set->checksum() == data.checksum());
  }
}

TEST_CASE("images have bytes or numbers, as (N, H, W), with channels, or flat") {
  const Pixels six = {0, 51, 102, 153, 204, 255};
  CHECK(read_images("|u1", "(2, 2, 3)", twice(six)).train.pixels == six);
  CHECK(read_images("|u1", "(2, 2, 3)", twice(six)).train.image == Shape{1, 2, 3});
  const ImageSets flat =
      read_images("|u1", "(2, 6)", twice(six), {.test_share = 0.5, .height = 3, .width = 2});
  CHECK(flat.train.image == Shape{1, 3, 2});
  CHECK(flat.train.pixels == six);
  const ImageSets last = read_images("|u1", "(2, 1, 2, 3)", twice(six));
  CHECK(last.train.image == Shape{3, 1, 2});
  CHECK(last.train.pixels == Pixels{0, 153, 51, 204, 102, 255});
  const Pixels fifteen(15, 7);
  CHECK(read_images("|u1", "(2, 3, 1, 5)", twice(fifteen)).train.image == Shape{3, 1, 5});
  const std::vector<float> unit = {0, 0.2F, 0.4F, 0.6F, 0.8F, 1};
  CHECK(read_images("<f4", "(2, 2, 3)", twice(unit)).train.pixels == six);
  CHECK(contains(joined(read_images("<f4", "(2, 2, 3)", twice(unit)).notes),
                 "images.npy: pixels from 0 to 1, the largest 1\n"));
  const std::vector<double> full = {0, 51, 102, 153, 204, 255};
  CHECK(read_images("<f8", "(2, 2, 3)", twice(full)).train.pixels == six);
  const std::vector<std::int64_t> whole = {0, 51, 102, 153, 204, 255};
  CHECK(read_images("<i8", "(2, 2, 3)", twice(whole)).train.pixels == six);
  CHECK(read_images("|b1", "(2, 1, 3)", Bytes("\0\1\0\0\1\0", 6)).train.pixels ==
        Pixels{0, 255, 0});
}

TEST_CASE("bytes of 0 and 1 are scaled as other numbers are, in all sets by the first") {
  const Bytes ones = npy_file("|u1", "(2, 1, 3)", Bytes("\0\1\0\0\1\0", 6));
  const Bytes half = npy_file("<f4", "(2, 1, 3)", twice<float>({0, 1, 0}));
  const Bytes whole = npy_file("|u1", "(2, 1, 3)", "abcabc");
  const auto with_test = [&](const Bytes& test) {
    return read({{"x_train.npy", ones},
                 {"y_train.npy", two_labels},
                 {"x_test.npy", test},
                 {"y_test.npy", two_labels}},
                {});
  };
  CHECK(with_test(half).train.pixels == Pixels{0, 255, 0, 0, 255, 0});
  CHECK(with_test(half).test.pixels == Pixels{0, 255, 0, 0, 255, 0});
  CHECK(contains(error_of([&] { with_test(whole); }), "those before are from 0 to 1"));
}

TEST_CASE("a set among those of an archive is chosen in any case") {
  const Bytes images = npy_file("|u1", "(2, 1, 1)", "ab");
  const Members members = {{"a_x.npy", images},
                           {"a_y.npy", two_labels},
                           {"b_x.npy", npy_file("|u1", "(2, 1, 2)", "abcd")},
                           {"b_y.npy", two_labels}};
  CHECK(read(members, {.set = "B", .test_share = 0.5}).train.image == Shape{1, 1, 2});
}

TEST_CASE("arrays that are no images and labels are refused, by their names") {
  const auto refused = [](const std::string& dtype, const std::string& shape,
                          const Bytes& elements) {
    return complaint_about(zip_file(
        {{"images.npy", npy_file(dtype, shape, elements)}, {"labels.npy", two_labels}}, true));
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(refused("<f4", "(2, 1, 1)", elements_of<float>({1, nan})) == "images.npy: value 1 is nan");
  CHECK(refused("<f4", "(2, 1, 1)", elements_of<float>({-1, 1})) ==
        "images.npy: its pixels go from -1 to 1; they should be from 0 to 1 or from 0 to 255");
  CHECK(contains(refused("<f4", "(2, 1, 1)", elements_of<float>({0, 4095})), "from 0 to 4095"));
  CHECK(contains(refused("|O", "(2, 1, 1)", "xx"), "its elements are pickled Python objects"));
  CHECK(contains(refused(">i4", "(2, 1, 1)", "12345678"), "most significant byte first"));
  CHECK(contains(refused("|u1", "(2, 5, 9, 9)", Bytes(810, 'x')), "its images are (2, 5, 9, 9)"));
  CHECK(contains(refused("|u1", "(0, 5, 9)", ""), "it is empty, (0, 5, 9)"));
  CHECK(contains(refused("|u1", "(3, 1, 1)", "abc"), "images.npy has 3 images and "));
  CHECK(contains(refused("|u1", "(1099511627776, 1, 1)", "abc"),
                 "its header promises 1099511627776 bytes"));
  const Bytes images = npy_file("|u1", "(2, 1, 1)", "ab");
  const Bytes half = npy_file("<f4", "(2, 1, 1)", elements_of<float>({0, 0.5F}));
  const Bytes whole = npy_file("<f4", "(2, 1, 1)", elements_of<float>({0, 2}));
  CHECK(contains(complaint_about(zip_file({{"x_train.npy", half},
                                           {"y_train.npy", two_labels},
                                           {"x_test.npy", whole},
                                           {"y_test.npy", two_labels}},
                                          true),
                                 {}),
                 "x_test.npy: its pixels go from 0 to 2; they should be from 0 to 1 or from 0 to "
                 "255, and those before are from 0 to 1"));
  const auto with_labels = [&](const Bytes& labels) {
    return complaint_about(zip_file({{"x.npy", images}, {"y.npy", labels}}, false));
  };
  CHECK(contains(with_labels(npy_file("|u1", "(2, 10)", Bytes(20, '\0'))),
                 "y.npy: labels are (N) or (N, 1), and these (2, 10); of a row of 0 and 1 for each "
                 "class, save its place, array.argmax(1)"));
  CHECK(contains(with_labels(npy_file("<f4", "(2,)", elements_of<float>({1, 0.5F}))),
                 "y.npy: label 1 is 0.5, no whole number"));
  CHECK(contains(complaint_about(zip_file({{"x_train.npy", images}}, true)),
                 "x_train.npy is there, and the labels that belong to it are not"));
  CHECK(contains(complaint_about(zip_file({{"weights.npy", images}}, true)),
                 "it has weights.npy; they should be called x_train, y_train, x_test, y_test"));
  CHECK(contains(complaint_about(zip_file({}, true)), "it has no arrays"));
}

TEST_CASE("archives that are broken are refused") {
  const Bytes whole = zip_file(
      {{"x.npy", npy_file("|u1", "(2, 9, 9)", Bytes(162, 'x'))}, {"y.npy", two_labels}}, true);
  CHECK(complaint_about("") == "it is not a zip archive, as numpy.savez writes them");
  CHECK(contains(complaint_about("<html>"), "; it is a web page"));
  CHECK(contains(complaint_about(whole.substr(0, whole.size() - 30)), "it breaks off"));
  Bytes changed = whole;
  changed[60] ^= 1;  // in the packed bytes
  CHECK(contains(complaint_about(changed), "its member x.npy is broken"));
  // The list's entry says 2^31 bytes unpacked.
  const std::size_t entry = whole.find("PK\1\2");
  changed = whole;
  changed.replace(entry + 24, 4, Bytes("\0\0\0\x80", 4));
  CHECK(contains(complaint_about(changed), "are 2147483648 unpacked, which cannot be"));
  for (const std::size_t number : {20U, 24U, 42U}) {  // as Python marks 2 GB
    changed = whole;
    changed.replace(entry + number, 4, Bytes(4, '\xFF'));
    CHECK(contains(complaint_about(changed), "x.npy has, or lies behind, 2 GB and more"));
  }
  changed = whole;
  changed[entry + 8] = 1;
  CHECK(contains(complaint_about(changed), "its member x.npy is encrypted"));
  changed = whole;
  changed[entry + 10] = 12;
  CHECK(contains(complaint_about(changed), "is packed by method 12; 0 and 8"));
}
