// Text of CSV taken apart: lines and fields.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/shape.h"

namespace limbeck::detail {

// A line that is not empty, without its end, and its number in the file, from 1.
struct CsvLine {
  std::string_view text;
  Index number;
};
// A byte order mark at the beginning is passed over.
std::vector<CsvLine> lines_of(std::string_view text);

// What parts fields: the first of comma, semicolon and tab that is in the line.
char separator_of(std::string_view line);

// The field without the spaces and quotes around it.
std::string_view bare(std::string_view field);

// The fields of a line, one after the other.
class CsvFields {
 public:
  CsvFields(std::string_view line, char separator)
      : at_(line.data()), end_(line.data() + line.size()), separator_(separator) {}

  bool done() const { return done_; }
  // The next field, with its spaces and quotes. A separator between quotes is part of it.
  std::string_view next();
  // The next field if it is a number from 0 to 255 of digits only; else −1, and it is still the
  // next.
  int next_byte() {
    const char* p = at_;
    int value = 0;
    for (; p != end_ && p - at_ < 3 && *p >= '0' && *p <= '9'; ++p) value = 10 * value + *p - '0';
    if (p == at_ || value > 255 || (p != end_ && *p != separator_)) return -1;
    pass(p);
    return value;
  }

 private:
  // To behind the separator at p, or to the end.
  void pass(const char* p) {
    done_ = p == end_;
    at_ = done_ ? p : p + 1;
  }

  const char* at_;
  const char* end_;
  char separator_;
  bool done_ = false;
};

}  // namespace limbeck::detail
