// What names of files and arrays say: "emnist-letters-train-images-idx3-ubyte.gz", "x_train".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace limbeck::detail {

// Which part of a set something is, or neither is said.
enum class Role { unsaid, train, test, validation };
// What it holds, or neither is said.
enum class Content { unsaid, images, labels };

// A name, word by word; case does not count.
struct SetName {
  std::string set{};         // the words that say none of what follows, with dashes between
  Role role = Role::unsaid;  // train, training; test, t10k; val, valid, validation
  Content content = Content::unsaid;  // images, imgs, x, …; labels, y, target, …
  bool is_idx = false;                // "idx3" or the like is among them
  bool is_known = false;              // each thing is said once
};
SetName parse_name(std::string_view name);

std::string lower_case(std::string_view text);
// Whether the name, in any case and without .gz, ends so: ".csv", say.
bool has_ending(std::string_view name, std::string_view ending);
// "a, b and c"; of more than `most`, these and how many more.
std::string list_of(const std::vector<std::string>& names, std::size_t most = 8);

}  // namespace limbeck::detail
