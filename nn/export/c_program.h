// A C header put together: its head, functions and tables, and NAME_predict as a list of calls that
// pass a network's values on between a few buffers.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/window.h"
#include "nn/export/c_functions.h"

namespace limbeck {

// What the head of the file tells people.
struct CHead {
  std::string title;                 // what the network is
  std::vector<std::string> notes{};  // lines: how it computes, how well
};

// The header under construction: tables first, then calls.
class CProgram {
 public:
  // All names begin with `name` and a _.
  CProgram(std::string name, CNumbers numbers) : name_(std::move(name)), numbers_(numbers) {}

  // The type of a struct of the code: struct NAME_STRUCT.
  std::string struct_type(const std::string& which) const {
    return "struct " + name_ + "_" + which;
  }

  // Adds `static const TYPE NAME_TABLE[size] = {values};` of `bytes` bytes, which `comment`
  // explains, and returns NAME_TABLE.
  std::string table(const std::string& type, const std::string& table,
                    const std::vector<std::string>& values, Index bytes,
                    const std::string& comment);
  // Adds a struct NAME_window and returns its address as C.
  std::string window(const std::string& table, const Shape& in, const Shape& out,
                     const Window2d& window, Index groups);

  // A line of NAME_predict: NAME_FUNCTION(output, inputs, arguments);  // comment
  struct Call {
    std::string function;                // of c_functions()
    std::vector<std::size_t> from;       // its inputs: 0 is the image, i + 1 what call i writes
    std::vector<std::string> arguments;  // behind its output and its inputs
    Index size;                          // of its output, in values
    bool in_place;                       // whether the output may be an input
    std::string comment;                 // of the line
  };
  // Adds a call that reads what earlier ones wrote.
  void call(Call call) { calls_.push_back(std::move(call)); }

  // The file. The last call writes the logits.
  std::string text(const Shape& image, const CHead& head) const;

 private:
  struct Body {
    std::string text;
    Index scratch;  // bytes
  };
  std::vector<std::string> places() const;
  Body predict() const;
  std::string head(const Shape& image, const CHead& head, Index scratch) const;

  std::string name_;
  CNumbers numbers_;
  std::string tables_;
  Index table_bytes_ = 0;
  std::vector<Call> calls_;
};

}  // namespace limbeck
