#include "core/files/json_check.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

namespace limbeck::detail {
namespace {

constexpr std::size_t deepest = 128;

// Goes through the text and keeps nothing but the keys of the objects around.
class Check : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::string twice;      // the first key that its object says again
  bool too_deep = false;  // where it stopped

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return enter(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }
  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second && twice.empty()) twice = name;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

 private:
  bool enter() {
    keys_.emplace_back();
    too_deep = keys_.size() > deepest;
    return !too_deep;
  }
  bool leave() {
    keys_.pop_back();
    return true;
  }

  std::vector<std::set<std::string>> keys_;  // a list's are none
};

}  // namespace

std::string json_fault(std::string_view text) {
  Check check;
  const bool is_json = nlohmann::json::sax_parse(text, &check);
  if (check.too_deep) return fmt::format("is nested more than {} deep", deepest);
  if (is_json && !check.twice.empty()) return fmt::format("says the key \"{}\" twice", check.twice);
  return {};
}

}  // namespace limbeck::detail
