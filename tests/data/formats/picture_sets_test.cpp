// Folders of pictures and CIFAR's files: classes by folders, sizes, colours, depths.
#include "data/load_images.h"
#include "tests/data/image_files.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

using Pixels = std::vector<std::uint8_t>;
using Names = std::vector<std::string>;

std::string complaint(const Folder& folder, const ImageOptions& options = {.test_share = 0.5}) {
  return error_of([&] { load_images(folder.path(), options); });
}

}  // namespace

TEST_CASE("folders name the classes, with or without folders of parts") {
  const Dataset train = random_images({3, 5, 4}, 2, 4, 1), test = random_images({3, 5, 4}, 2, 2, 2);
  const Names names = {"ant", "bee"};
  const Folder parts;
  write_pictures(parts, "train", train, names, "png", png_of);
  write_pictures(parts, "test", test, names, "ppm", pnm_of);
  write_pictures(parts, "val", test, names, "PNG", png_of);
  parts.write("train/ant/Thumbs.db", "no picture");
  const ImageSets sets = load_images(parts.path());
  CHECK(sets.class_names == names);
  CHECK(sets.train.checksum() == train.checksum());
  CHECK(sets.test.checksum() == test.checksum());
  REQUIRE(sets.validation.has_value());
  CHECK(sets.validation->checksum() == test.checksum());
  const Folder one;
  write_pictures(one, "", train, names, "png", png_of);
  const ImageSets shared = load_images(one.path(), {.test_share = 0.25});
  CHECK(shared.class_names == names);
  CHECK(shared.train.size() == 6);
  CHECK(contains(complaint(one, {}), "there are no test images"));
  std::filesystem::rename(parts.file("test/bee"), parts.file("test/bat"));
  CHECK(contains(complaint(parts, {}),
                 "its class bat is none of the training images', which are "
                 "ant and bee"));
}

TEST_CASE("folders called by numbers are those classes") {
  const Folder folder;
  const Dataset data = random_images({1, 2, 2}, 11, 2, 1);
  Names names;
  for (Index c = 1; c <= 11; ++c) names.push_back(fmt::format("{}", c));
  write_pictures(folder, "train", data, names, "png", png_of);
  write_pictures(folder, "test", data, names, "png", png_of);
  const ImageSets sets = load_images(folder.path());
  CHECK(sets.train.classes == 11);
  CHECK(sets.class_names.empty());
  CHECK(contains(joined(sets.notes), "labels from 1 to 11 are shifted"));
  // 10 comes after 9, though its folder is listed before 2.
  CHECK(sets.train.checksum() == data.checksum());
}

TEST_CASE("folders called by years are names, in the order of their numbers") {
  const Folder folder;
  const Dataset data = random_images({1, 2, 2}, 3, 2, 1);
  write_pictures(folder, "train", data, {"900", "2019", "2020"}, "png", png_of);
  write_pictures(folder, "test", data, {"900", "2019", "2020"}, "png", png_of);
  const ImageSets sets = load_images(folder.path());
  CHECK(sets.class_names == Names{"900", "2019", "2020"});
  CHECK(sets.train.class_ids == std::vector<std::int32_t>{1, 1, 2, 2, 0, 0});
}

TEST_CASE("pictures are of one size, or are scaled to one") {
  const Folder folder;
  for (const auto& [file, side] :
       {std::pair("a/1.png", 4), {"a/2.png", 4}, {"b/1.png", 8}, {"b/2.png", 8}}) {
    std::filesystem::create_directories(std::filesystem::path(folder.file(file)).parent_path());
    folder.write(file, grey_png(side, side, Pixels(static_cast<std::size_t>(side * side), 99)));
  }
  CHECK(complaint(folder) == "load_images: " + folder.file("b/1.png") + " is 8 x 8 and " +
                                 folder.file("a/1.png") +
                                 " is 4 x 4: give a size for all, --size 4x4");
  const ImageSets sets = load_images(folder.path(), {.test_share = 0.5, .height = 3, .width = 2});
  CHECK(sets.train.image == Shape{1, 3, 2});
  CHECK(sets.train.pixels == Pixels(12, 99));
}

TEST_CASE("a set with colours has three channels, and lost depth is said") {
  const Folder folder;
  std::filesystem::create_directories(folder.file("c"));
  folder.write("c/1.png", grey_png(1, 2, {10, 20}));
  folder.write("c/2.png", png_file({.width = 1, .height = 2, .colours = 2, .rows = "abcdef"}));
  folder.write("c/3.png",
               png_file({.width = 1, .height = 2, .depth = 16, .rows = "\x08\x08\x09\x09"}));
  const ImageSets sets = load_images(folder.path(), {.test_share = 0.01});
  CHECK(sets.train.image == Shape{3, 2, 1});
  CHECK(sets.train.size() == 2);
  CHECK(contains(joined(sets.notes), ": 2 pictures are grey; their three channels are alike"));
  CHECK(contains(joined(sets.notes), ": 1 pictures of more than 256 levels keep 256"));
  Pixels all = sets.train.pixels;
  all.insert(all.end(), sets.test.pixels.begin(), sets.test.pixels.end());
  std::ranges::sort(all);
  CHECK(all == Pixels{8, 8, 8, 9, 9, 9, 10, 10, 10, 20, 20, 20, 'a', 'b', 'c', 'd', 'e', 'f'});
}

TEST_CASE("JPEG keeps a picture nearly, and a plane of one value just") {
  Dataset data{.image = {3, 16, 16}, .classes = 1, .pixels = {}, .class_ids = {0, 0}};
  for (Index p = 0; p < 2 * data.image.size(); ++p) {
    data.pixels.push_back(static_cast<std::uint8_t>(40 + p % 256 / 2 + p / 256 % 3 * 20));
  }
  const Folder folder;
  write_pictures(folder, "", data, {"c"}, "jpg",
                 [](const Dataset& d, Index i) { return jpeg_of(d, i, 100); });
  const ImageSets sets = load_images(folder.path(), {.test_share = 0.5});
  REQUIRE(sets.train.image == data.image);
  for (std::size_t p = 0; p < sets.train.pixels.size(); ++p) {
    CHECK(std::abs(sets.train.pixels[p] - data.pixels[p]) <= 8);
  }
  Dataset plane{.image = {1, 9, 7}, .classes = 1, .pixels = Pixels(126, 77), .class_ids = {0, 0}};
  const Folder grey;
  write_pictures(grey, "", plane, {"c"}, "jpeg",
                 [](const Dataset& d, Index i) { return jpeg_of(d, i, 90); });
  CHECK(load_images(grey.path(), {.test_share = 0.5}).train.pixels == Pixels(63, 77));
}

TEST_CASE("pictures that are broken are refused by their names") {
  const Dataset data = random_images({1, 8, 8}, 1, 2, 1);
  const Folder folder;
  write_pictures(folder, "", data, {"c"}, "png", png_of);
  const std::string file = folder.write("c/x.jpg", jpeg_of(data, 0, 90).substr(0, 200));
  CHECK(contains(complaint(folder), file + ": not a JPEG picture that can be read: "));
  folder.write("c/x.jpg", "<html>");
  CHECK(contains(complaint(folder), file + ": neither a PNG, JPEG, PGM nor PPM picture"));
}

TEST_CASE("CIFAR's binary files: records, several files, names") {
  const Dataset train = random_images({3, 32, 32}, 10, 2, 1);
  const Dataset test = random_images({3, 32, 32}, 10, 1, 2);
  const Folder ten;
  const Bytes bytes = cifar_file(train, 1);
  ten.write("data_batch_1.bin", bytes.substr(0, 7 * 3073));
  ten.write("data_batch_2.bin", bytes.substr(7 * 3073));
  ten.write("test_batch.bin", cifar_file(test, 1));
  ten.write("batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
  const ImageSets sets = load_images(ten.path());
  CHECK(sets.train.checksum() == train.checksum());
  CHECK(sets.test.checksum() == test.checksum());
  CHECK(sets.class_names.at(9) == "j");
  const Folder hundred;
  hundred.write("train.bin", cifar_file(train, 2));
  hundred.write("test.bin", cifar_file(test, 2));
  CHECK(load_images(hundred.path()).train.checksum() == train.checksum());
  hundred.write("test.bin", cifar_file(test, 2).substr(1));
  CHECK(contains(
      complaint(hundred, {}),
      "test.bin: it has 30739 bytes, which are no records of 3074, as cifar-100 has them"));
  ten.write("data_batch_1", "a pickle");
  CHECK(contains(complaint(ten, {}), "are pickles of Python, which are not read"));
}
