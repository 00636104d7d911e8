// Tables of a study: rows of named values, for people and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace limbeck {

// Rows are objects with the same keys in the same order: the columns. Values are texts, numbers or
// null, for what there is not.
using Row = nlohmann::ordered_json;
using Table = std::vector<Row>;

// With a head and aligned columns; numbers to the right, with four digits.
std::string text_of(const Table& table);
// RFC 4180, with a line of column names; null is an empty field.
std::string csv_of(const Table& table);

// Mean and standard deviation (with n − 1; 0 for one value) of some numbers.
struct Spread {
  double mean = 0;
  double deviation = 0;
};
// Error: no number.
Spread spread_of(const std::vector<double>& values);

// "79.3 ± 2.1", or "79" of one value.
std::string text_of(const Spread& spread);

}  // namespace limbeck
