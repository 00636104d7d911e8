#include "nn/export/c_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/text.h"

namespace limbeck {
namespace {

constexpr std::size_t widest = 100;  // columns of a line

// The values with commas between, in lines.
std::string lines_of(const std::vector<std::string>& values) {
  std::string text, line;
  for (const std::string& value : values) {
    if (line.size() + value.size() + 6 > widest) {
      text += "   " + line + "\n";
      line.clear();
    }
    line += " " + value + ",";
  }
  return text + "   " + line + "\n";
}

// A text as a comment may hold it: nothing that ends a line, or joins it with the next.
std::string commentable(std::string text) {
  for (char& c : text) {
    if (c < ' ' || c > '~' || c == '\\' || c == '?') c = '_';
  }
  return text;
}

}  // namespace

std::string CProgram::table(const std::string& type, const std::string& table,
                            const std::vector<std::string>& values, Index bytes,
                            const std::string& comment) {
  tables_ += fmt::format("\n// {}\nstatic const {} {}_{}[{}] = {{\n{}}};\n", comment, type, name_,
                         table, values.size(), lines_of(values));
  table_bytes_ += bytes;
  return name_ + "_" + table;
}

std::string CProgram::window(const std::string& table, const Shape& in, const Shape& out,
                             const Window2d& window, Index groups) {
  const auto& [kernel, stride, padding, dilation] = window;  // the last of them 1
  tables_ += fmt::format(
      "\nstatic const struct {0}_window {0}_{1} = {{\n"
      "    .channels = {2}, .height = {3}, .width = {4},\n"
      "    .out_channels = {5}, .out_height = {6}, .out_width = {7},\n"
      "    .kernel_height = {8}, .kernel_width = {9}, .stride_height = {10}, .stride_width = "
      "{11},\n"
      "    .padding_height = {12}, .padding_width = {13}, .groups = {14}\n}};\n",
      name_, table, in.dim(0), in.dim(1), in.dim(2), out.dim(0), out.dim(1), out.dim(2),
      kernel.height, kernel.width, stride.height, stride.width, padding.height, padding.width,
      groups);
  table_bytes_ += 13 * 4;
  return fmt::format("&{}_{}", name_, table);
}

// Where the image and what each call writes lie. A buffer is free again after the last call that
// reads it; the first free one is taken.
std::vector<std::string> CProgram::places() const {
  std::vector<std::size_t> last_use(calls_.size() + 1);
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    for (const std::size_t from : calls_[i].from) last_use[from] = i;
  }
  std::vector<std::string> places = {"image"};
  for (std::size_t i = 0; i + 1 < calls_.size(); ++i) {
    const Call& call = calls_[i];
    const auto ends_here = [&](std::size_t from) { return from != 0 && last_use[from] == i; };
    const auto over = std::ranges::find_if(call.from, ends_here);
    if (call.in_place && over != call.from.end()) {
      places.push_back(places[*over]);
      continue;
    }
    const auto is_taken = [&](const std::string& buffer) {
      for (std::size_t value = 0; value < places.size(); ++value) {
        if (places[value] == buffer && last_use[value] >= i) return true;
      }
      return false;
    };
    std::string buffer = "a";
    while (is_taken(buffer)) ++buffer[0];
    places.push_back(buffer);
  }
  places.emplace_back("logits");
  return places;
}

CProgram::Body CProgram::predict() const {
  const bool floats = numbers_ == CNumbers::floats;
  const std::vector<std::string> places = this->places();
  std::map<std::string, Index> buffers;  // by name, with their sizes
  std::string body;
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    const Call& call = calls_[i];
    const std::string& to = places[i + 1];
    if (i + 1 < calls_.size()) buffers[to] = std::max(buffers[to], call.size);
    body += fmt::format("    {}_{}({}", name_, call.function, to);
    for (const std::size_t from : call.from) body += ", " + places[from];
    for (const std::string& argument : call.arguments) body += ", " + argument;
    body += fmt::format(");  // {}\n", call.comment);
  }
  std::string text = fmt::format(
      "\nstatic inline void {}_predict(const float *image, float *logits)\n{{\n", name_);
  Index scratch = 0;
  for (const auto& [buffer, size] : buffers) {
    text += fmt::format("    static {} {}[{}];\n", floats ? "float" : "uint8_t", buffer, size);
    scratch += size * (floats ? 4 : 1);
  }
  return {.text = text + (buffers.empty() ? "" : "\n") + body + "}\n", .scratch = scratch};
}

std::string CProgram::head(const Shape& image, const CHead& head, Index scratch) const {
  std::string text = fmt::format(
      "// {0}: {1}a trained network in one C99 header.\n//\n"
      "//     float image[{0}_pixels], logits[{0}_classes];\n"
      "//     {0}_predict(image, logits);\n//\n"
      "// image: {2} values from 0 (background) to 1 (ink), by channel, then row, then column;\n"
      "// its shape is {3}. logits: one a class. The largest is that of the class that the "
      "network\n"
      "// decides for; their softmax is its probabilities.\n//\n"
      "// Memory: {4} bytes of tables, {5} bytes of scratch, and little on the stack. Each C file\n"
      "// that includes this header has its own.\n",
      name_, head.title.empty() ? "" : commentable(head.title) + ", ", thousands(image.size()),
      image, thousands(table_bytes_), thousands(scratch));
  if (scratch > 0) {
    text +=
        "// All calls work in the same scratch: one at a time, whichever thread it comes from.\n";
  }
  text += "//\n";
  for (const std::string& note : head.notes) text += "// " + commentable(note) + "\n";
  return text;
}

std::string CProgram::text(const Shape& image, const CHead& head) const {
  const Body body = predict();
  std::set<std::string> functions;
  for (const Call& call : calls_) functions.insert(call.function);
  return this->head(image, head, body.scratch) +
         fmt::format(
             "\n#ifndef LIMBECK_{0}_H\n#define LIMBECK_{0}_H\n\n#include <stdint.h>\n\n"
             "enum {{ {0}_pixels = {1}, {0}_classes = {2} }};\n",
             name_, image.size(), calls_.back().size) +
         c_functions(name_, numbers_, functions) + tables_ + body.text + "\n#endif\n";
}

}  // namespace limbeck
