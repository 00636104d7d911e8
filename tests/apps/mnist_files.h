// Datasets as the four files that programs take with --data.
#pragma once

#include "data/synthetic_digits.h"
#include "tests/data/idx_files.h"

namespace limbeck::testing {

// Into the folder, or one "below/" it.
inline void write_mnist_files(const Folder& folder, const TrainTest& sets,
                              const std::string& below = "") {
  folder.write(below + "train-images-idx3-ubyte", images_file(sets.train));
  folder.write(below + "train-labels-idx1-ubyte", labels_file(sets.train));
  folder.write(below + "t10k-images-idx3-ubyte", images_file(sets.test));
  folder.write(below + "t10k-labels-idx1-ubyte", labels_file(sets.test));
}

// Synthetic digits, and a folder with them in these files.
struct DigitsInFiles {
  explicit DigitsInFiles(const SyntheticDigitsOptions& options) : sets(synthetic_digits(options)) {
    write_mnist_files(folder, sets);
  }
  TrainTest sets;
  Folder folder;
};

}  // namespace limbeck::testing
