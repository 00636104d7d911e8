// Images as lines of CSV: how they may be written, and what is refused in which words.
#include "data/load_images.h"
#include "tests/data/image_files.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

using Pixels = std::vector<std::uint8_t>;

// What is read of a file, with half of each class held back; all its images.
ImageSets read(const Bytes& text, const ImageOptions& options = {.test_share = 0.5}) {
  const Folder folder;
  return load_images(folder.write("images.csv", text), options);
}

std::string complaint(const Bytes& text) {
  const Folder folder;
  const std::string file = folder.write("images.csv", text);
  const std::string error = error_of([&] { load_images(file, {.test_share = 0.5}); });
  CHECK(error.starts_with("load_images: " + file + ": "));
  return error.substr(std::min(error.size(), file.size() + 15));
}

// Each class has two images that are alike, so that one is left whichever is held back.
void check_read(const Bytes& text) {
  CAPTURE(text);
  const ImageSets sets = read(text);
  CHECK(sets.train.image == Shape{1, 2, 2});
  CHECK(sets.train.pixels == Pixels{0, 1, 2, 255, 9, 8, 7, 60});
  CHECK(sets.train.class_ids == std::vector<std::int32_t>{0, 1});
  CHECK(sets.test.checksum() == sets.train.checksum());
}

}  // namespace

TEST_CASE("CSV is read with and without names, and however it is written") {
  check_read("0,0,1,2,255\n0,0,1,2,255\n1,9,8,7,60\n1,9,8,7,60\n");
  check_read("label,pixel0,pixel1,pixel2,pixel3\n0,0,1,2,255\n0,0,1,2,255\n1,9,8,7,60\n1,9,8,7,60");
  check_read("label,1x1,1x2,2x1,2x2\r\n0,0,1,2,255\r\n0,0,1,2,255\r\n1,9,8,7,60\r\n1,9,8,7,60\r\n");
  check_read(
      "\xEF\xBB\xBF\"label\",\"a\",\"b\",\"c\",\"d\"\n\"0\",\"0\",\"1\",\"2\",\"255\"\n"
      "0,0,1,2,255\n\n1, 9 ,8,7, 60\n1,9,8,7,060\n  \n");
  check_read("a;b;c;d;class\n0;1;2;255;0\n0;1;2;255;0\n9;8;7;60;1\n9;8;7;60;1\n");
  check_read("0\t0\t1\t2\t255\n0\t0\t1\t2\t255\n1\t9\t8\t7\t60\n1\t9\t8\t7\t60\n");
  check_read("label,0,1,2,3\n0,0,1,2,255\n0,0,1,2,255\n1.0,9,8,7,60\n1,9,8,7,60\n");
}

TEST_CASE("CSV of real numbers tells its range") {
  // Half of full ink, 127.5, is rounded to even.
  const ImageSets unit = read("0,0,0.5,1,0\n0,0,0.5,1,0.0\n");
  CHECK(unit.train.pixels == Pixels{0, 128, 255, 0});
  CHECK(contains(joined(unit.notes), "pixels from 0 to 1, the largest 1, are rounded"));
  const ImageSets bytes = read("0,0.0,16.0,255.0,1.0\n0,0.0,16.0,255.0,1.0\n");
  CHECK(bytes.train.pixels == Pixels{0, 16, 255, 1});
  CHECK(contains(joined(bytes.notes), "pixels from 0 to 255, the largest 255\n"));
}

TEST_CASE("CSV of 0 and 1 only has full ink where it has 1") {
  const ImageSets sets = read("0,0,1,1,0\n0,0,1,1,0\n");
  CHECK(sets.train.pixels == Pixels{0, 255, 255, 0});
  CHECK(contains(joined(sets.notes), "pixels are 0 and 1, which become 0 and 255"));
}

TEST_CASE("labels may be words, which are sorted") {
  // Also the letter y, in the first line.
  const ImageSets letters = read("y,0,0,1,255\ny,0,0,1,255\nx,2,2,2,2\nx,2,2,2,2\n");
  CHECK(letters.class_names == std::vector<std::string>{"x", "y"});
  CHECK(letters.train.pixels == Pixels{0, 0, 1, 255, 2, 2, 2, 2});
  const ImageSets sets = read("shoe,1,1,1,1\nshoe,1,1,1,1\nhat,2,2,2,2\nhat,2,2,2,2\n");
  CHECK(sets.class_names == std::vector<std::string>{"hat", "shoe"});
  CHECK(sets.train.class_ids == std::vector<std::int32_t>{1, 0});
  const Folder folder;
  folder.write("train.csv", "shoe,1,1,1,1\nhat,2,2,2,2\n");
  folder.write("test.csv", "cap,1,1,1,1\n");
  CHECK(contains(error_of([&] { load_images(folder.path()); }),
                 "its class cap is none of the training images', which are hat and shoe"));
  folder.write("test.csv", "1,1,1,1,1\n");
  CHECK(contains(error_of([&] { load_images(folder.path()); }), "its labels are numbers, and"));
}

TEST_CASE("CSV in colours is red, green, blue, pixel by pixel") {
  const ImageSets sets = read("0,1,2,3,4,5,6,7,8,9,10,11,12\n0,1,2,3,4,5,6,7,8,9,10,11,12\n");
  CHECK(sets.train.image == Shape{3, 2, 2});
  CHECK(sets.train.pixels == Pixels{1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12});
  const ImageSets flat =
      read("0,1,2,3,4,5,6\n0,1,2,3,4,5,6\n", {.test_share = 0.5, .height = 2, .width = 3});
  CHECK(flat.train.image == Shape{1, 2, 3});
  CHECK(flat.train.pixels == Pixels{1, 2, 3, 4, 5, 6});
}

TEST_CASE("Kaggle's files: a test file without labels is left out, and said") {
  const Folder folder;
  folder.write("train.csv", "label,pixel0,pixel1,pixel2,pixel3\n0,1,1,1,1\n0,2,2,2,2\n");
  folder.write("test.csv", "pixel0,pixel1,pixel2,pixel3\n1,1,1,1\n");
  folder.write("sample_submission.csv", "ImageId,Label\n1,0\n");
  folder.write("kmnist_classmap.csv", "index,codepoint,char\n0,U+304A,x\n");
  CHECK(contains(error_of([&] { load_images(folder.path()); }), "there are no test images"));
  const ImageSets sets = load_images(folder.path(), {.test_share = 0.5});
  CHECK(sets.train.size() == 1);
  CHECK(contains(joined(sets.notes), "test.csv has no labels and is left out"));
}

TEST_CASE("CSV that is wrong is refused with its line and column") {
  CHECK(complaint("") == "it is empty");
  CHECK(complaint("\n \n") == "it is empty");
  CHECK(complaint("<html>") ==
        "it is not CSV; it is a web page, as servers send for a link that is wrong: download the "
        "file anew");
  CHECK(complaint("label\n1\n") ==
        "line 1 has one field; a label and pixels are needed, with commas between");
  CHECK(complaint("label,a,b,c,d\n") == "it has names of columns and no image");
  CHECK(complaint("label,a,b,c,d\n0,1,2,3,nan\n") ==
        "line 2, column 5 (d): 'nan' is not a number from 0 to 255");
  CHECK(complaint("0,1,2,3,4\n\n0,1,256,3,4\n") ==
        "line 3, column 3: '256' is not a number from 0 to 255");
  CHECK(complaint("0,1,2,3,4\n0,1,-1,3,4\n") ==
        "line 2, column 3: '-1' is not a number from 0 to 255");
  CHECK(complaint("0,1,2,3,4\n0,1,,3,4,\n") ==
        "line 2, column 3: '' is not a number from 0 to 255");
  CHECK(complaint("0,1,2,3,4\n0,1,2,3\n") == "line 2 has 4 fields and the first line 5");
  CHECK(complaint("0,1,2,3,4\n0,1,2,3,44,5,6\n") == "line 2 has 7 fields and the first line 5");
  CHECK(complaint("0,1,2,3,4\n,,,,\n") == "line 2 has empty fields");
  CHECK(complaint("0,1,2,3,4\n0.5,1,2,3,4\n") ==
        "line 2, column 1: the label '0.5' is not a whole number");
  CHECK(complaint("0,1,2,3,4\n-1,1,2,3,4\n") ==
        "label 1 is -1; classes are counted from 0, or from 1");
  CHECK(complaint("0,1,2,3,4\n20000,1,2,3,4\n") ==
        "label 1 is 20000; more than 10000 classes are taken for a mistake: give their number, "
        "--classes N");
  CHECK(complaint("0,1,2,3,4,5\n0,1,2,3,4,5\n") ==
        "its images have 5 pixels each, which are no square, of one channel or of three: give "
        "their size, HxW");
  CHECK(contains(complaint("0,1,2.5,3,4\n0,0.5,0.5,0.5,300\n"), "'300' is not a number"));
}
