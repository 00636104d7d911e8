#include "data/formats/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace limbeck::detail {
namespace {

template <std::size_t n>
bool is_one_of(const std::string& word, const std::array<std::string_view, n>& words) {
  return std::ranges::find(words, word) != words.end();
}

Role role_of(const std::string& word) {
  if (is_one_of(word, std::array<std::string_view, 2>{"train", "training"})) return Role::train;
  if (is_one_of(word, std::array<std::string_view, 3>{"test", "t10k", "testing"})) {
    return Role::test;
  }
  if (is_one_of(word, std::array<std::string_view, 3>{"val", "valid", "validation"})) {
    return Role::validation;
  }
  return Role::unsaid;
}

Content content_of(const std::string& word) {
  constexpr std::array<std::string_view, 9> images = {
      "images", "image", "imgs", "img", "x", "data", "pixels", "features", "pictures"};
  constexpr std::array<std::string_view, 7> labels = {"labels",  "label",   "y",    "target",
                                                      "targets", "classes", "class"};
  if (is_one_of(word, images)) return Content::images;
  if (is_one_of(word, labels)) return Content::labels;
  return Content::unsaid;
}

// Of a format's name.
bool is_ending(const std::string& word) {
  return is_one_of(word,
                   std::array<std::string_view, 6>{"ubyte", "int", "gz", "csv", "npy", "npz"});
}

bool is_idx_word(const std::string& word) {
  return word.starts_with("idx") && word.size() == 4 && std::isdigit(word[3]) != 0;
}

std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words;
  bool within = false;
  for (const char c : lower_case(name)) {
    const bool parts = c == '-' || c == '_' || c == '.' || c == ' ' || c == '/';
    if (!parts && !within) words.emplace_back();
    if (!parts) words.back() += c;
    within = !parts;
  }
  return words;
}

}  // namespace

SetName parse_name(std::string_view name) {
  SetName parsed{.is_known = true};
  for (const std::string& word : words_of(name)) {
    const Role role = role_of(word);
    const Content content = content_of(word);
    if (role != Role::unsaid) {
      parsed.is_known = parsed.is_known && parsed.role == Role::unsaid;
      parsed.role = role;
    } else if (content != Content::unsaid) {
      parsed.is_known = parsed.is_known && parsed.content == Content::unsaid;
      parsed.content = content;
    } else if (is_idx_word(word)) {
      parsed.is_idx = true;
    } else if (!is_ending(word)) {
      parsed.set += (parsed.set.empty() ? "" : "-") + word;
    }
  }
  return parsed;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

bool has_ending(std::string_view name, std::string_view ending) {
  std::string lower = lower_case(name);
  if (lower.ends_with(".gz")) lower.resize(lower.size() - 3);
  return lower.ends_with(ending);
}

std::string list_of(const std::vector<std::string>& names, std::size_t most) {
  std::string text;
  const std::size_t shown = names.size() > most ? most : names.size();
  for (std::size_t i = 0; i < shown; ++i) {
    const bool last = i + 1 == names.size();
    text += fmt::format("{}{}", i == 0 ? "" : last ? " and " : ", ", names[i]);
  }
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

}  // namespace limbeck::detail
