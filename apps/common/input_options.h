// What a network from a file was trained on, as options that programs share.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "nn/prepared_input.h"

namespace limbeck {

class Options;

struct InputSettings {
  std::string layout = "nchw";
  std::string mean, std;  // "0.1307", or a number a channel with commas between; empty: not given

  InputOptions options() const;
  bool given() const { return !options().is_usual(); }
  // Whether it goes with a network that takes images (C, H, W). `read`: what stands before it now,
  // where the network's file may have a word of its own. Error, in the name of the option after
  // this prefix: another input than the file's; numbers for other channels than C.
  void check(const std::string& prefix, const std::string& file, const Shape& image,
             const InputOptions& read) const;
  // Adds those that were given to a program's options in JSON, as teacher_input and so on.
  void add_to(nlohmann::ordered_json& options) const;
};

// --teacher-input, --teacher-mean, --teacher-std for the prefix "--teacher-".
void add_options(Options& options, const std::string& prefix, InputSettings& settings);

}  // namespace limbeck
