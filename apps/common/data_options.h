// Which images a program works on, as options that programs share.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "data/load_images.h"

namespace limbeck {

class Option;
class Options;

struct DataSettings {
  std::string path;  // a folder or a file; "letters": synthetic letters; empty: synthetic digits
  std::string set;   // and so on: ImageOptions
  Index classes = 0;
  bool transpose = false, no_transpose = false;
  double test_share = 0;
  std::string size;         // "32x32"; empty: as they are
  std::string class_names;  // a file; empty: what the images' files say

  ImageOptions options() const;
  bool is_drawn() const;     // digits or letters, from no file
  std::string name() const;  // for people: the path, or "synthetic digits"
  // Adds those that were given to a program's options in JSON, after its path.
  void add_to(nlohmann::ordered_json& options) const;
};

// Gives --data, for options that need it or exclude it.
Option add_options(Options& options, DataSettings& settings);

// How many images are drawn, and which, where they come from no file.
struct DrawnOptions {
  Index train = 0, test = 0;  // 0: as many as the set has by itself
  std::uint64_t seed = 1;
  double difficulty = 1;
};

// The images, from files or drawn. Error: load_images'; those of options that are for files.
ImageSets load(const DataSettings& settings, const DrawnOptions& drawn = {});

}  // namespace limbeck
