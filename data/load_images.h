// Labelled images from what people have: IDX, NPZ and NPY, CSV, folders of pictures, CIFAR's files.
//
//   const ImageSets sets = load_images("emnist", {.set = "letters"});
//   train_classifier(network, sets.train, {.epochs = 10});
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace limbeck {

// What the files alone do not say.
struct ImageOptions {
  // Which set, where a folder holds several: its whole name or a part of it that no other has.
  std::string set{};
  Index classes = 0;  // 0: as many as the labels tell
  // Whether rows and columns change places; by itself where the names are EMNIST's.
  std::optional<bool> transpose{};
  // Where there are no test images: this share of the training images of each class, at random.
  double test_share = 0;
  // The size that all images get, by means of the pixels that each new one covers; 0: as they are.
  // Also that of images which lie in flat rows and are not square.
  Index height = 0, width = 0;
};

// What was found.
struct ImageSets {
  Dataset train;                           // to learn from
  Dataset test;                            // to be judged by
  std::optional<Dataset> validation{};     // to choose by, where there is one
  std::vector<std::string> class_names{};  // one a class, or none
  // What was decided on the way, as sentences: that labels were shifted, say.
  std::vector<std::string> notes{};
};

// Reads a folder, or one file of NPZ or CSV:
//   IDX         MNIST's format, plain or gzipped (data/formats/idx_array.h): NAME-train-images-…,
//               with dots or dashes, `test` or `t10k`; unsigned bytes, (N, H, W), (N, H, W, C) or
//               (N, C, H, W); labels of QMNIST, int32 in 8 columns, by their first
//   NPZ, NPY    arrays named by words such as x, images, y, labels and train, test, val: bytes, or
//               numbers in [0, 1] or [0, 255]; also flat rows (N, D); labels (N) or (N, 1)
//   CSV         a row an image, with a label and pixels from 0 to 255 or from 0 to 1; with or
//               without a line of names; separated by commas, semicolons or tabs; gzipped or not
//   pictures    train/CLASS/FILE and test/CLASS/FILE, val/ too, or CLASS/FILE: PNG, JPEG, PGM, PPM
//   CIFAR-10, CIFAR-100   the binary versions
// All images have one shape (C, H, W). Classes are counted by the labels: from 0, or from 1 where
// no label is 0; these are shifted. Labels in words, names of folders say, are sorted. Names of the
// classes come from these, from EMNIST's -mapping.txt, from CIFAR's lists, or from
// class_names.txt, a line a class. EMNIST's images, which lie on their side, are turned upright.
// Labels 1 to C − 1 of C classes cannot be told from a shift: give `classes` then. MNIST's four
// files, by their plain names, have ten classes if nobody says otherwise, and are read whatever
// other kinds lie beside them.
//
// Error, with the file, the place in it, and what to do: no such path; nothing there that is known;
// several sets and no `set`; a file that is broken, cut off, or something else, a web page say; a
// number that is none, or out of its range; counts or sizes that differ; no test images and no
// share, or both; a class in the test images that the training images lack; a label so large that
// most classes below it would have no training image, where nobody told `classes`.
// Memory is asked for by what is there, not by what a file says: some ten times its bytes once they
// are unpacked, and for a picture up to most_pixels (data/formats/picture.h).
ImageSets load_images(const std::string& path, const ImageOptions& options = {});

// The names of so many classes, from a file of text with a line for each in order, or from one of
// EMNIST's -mapping.txt, whose lines are a label, from 0 or from 1, and the codes of its
// characters. Error, with the file: it cannot be read, is empty, has another number of names, or a
// mapping's labels are not those of the classes.
std::vector<std::string> read_class_names(const std::string& path, Index classes);

}  // namespace limbeck
