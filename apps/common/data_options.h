// Which images a program works on, as options that programs share.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "data/load_images.h"

namespace limbeck {

class Option;
class Options;

struct DataSettings {
  std::string path;  // a folder or a file; empty: synthetic digits
  std::string set;   // and so on: ImageOptions
  Index classes = 0;
  bool transpose = false, no_transpose = false;
  double test_share = 0;
  std::string size;  // "32x32"; empty: as they are

  ImageOptions options() const;
  std::string name() const;  // for people: the path, or "synthetic digits"
  // Adds those that were given to a program's options in JSON, after its path.
  void add_to(nlohmann::ordered_json& options) const;
};

// Gives --data, for options that need it or exclude it.
Option add_options(Options& options, DataSettings& settings);

// The images, from files or synthetic digits.
ImageSets load(const DataSettings& settings);

}  // namespace limbeck
