// MNIST's files, just as they are called there. (load_images takes all others: data/load_images.h.)
#pragma once

#include <string>

#include "data/dataset.h"

namespace limbeck {

// One set of IDX (data/formats/idx_array.h), from its file of images (magic 0x00000803: N, rows,
// columns) and its file of labels (0x00000801: N). Error, with the file's name: it is missing or
// unreadable, its gzip stream is broken, it has another magic, a dimension of 0, missing or surplus
// bytes, the two counts differ, or a label is not below `classes`.
Dataset read_idx(const std::string& images_file, const std::string& labels_file, Index classes);

// Both sets from a folder, by their usual names (train-images-idx3-ubyte, train-labels-idx1-ubyte,
// t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte), with or without .gz; ten classes. Error: as in
// read_idx, a file that is not there, or images of different sizes in the two sets.
TrainTest load_mnist(const std::string& folder);

}  // namespace limbeck
