// Reads the READMEs for the tests that watch over them: blocks of code, code between backticks,
// links and headings. Tests run from the root of the project.
#pragma once

#include <string>
#include <vector>

#include "core/function_ref.h"

namespace limbeck::testing {

using Lines = std::vector<std::string>;

Lines lines_of(const std::string& text);

// The text of a file, or nothing if it is not there.
std::string read_text(const std::string& file);

// The text without spaces at either end; and the parts between separators, each so.
std::string trimmed(const std::string& text);
Lines split(const std::string& text, char separator);

// A piece of a README and the number of its line, from 1: code, the target of a link, a heading.
struct Piece {
  std::string text;
  int line;
};

struct Block {
  std::string language;  // "cpp", "sh", …; "" if none is named
  std::string before;    // the line above the block
  Lines lines;
  int line;  // of the opening fence
};

struct Markdown {
  std::vector<Block> blocks;    // of code, between fences
  std::vector<Piece> code;      // outside of blocks, what stands between backticks
  std::vector<Piece> links;     // targets of [text](target) and ![picture](target)
  std::vector<Piece> headings;  // without the # before them
};

Markdown parse_markdown(const std::string& text);

// The names by which #name leads to headings, by GitHub's rule: lower case; letters, digits,
// hyphens and underscores stay, spaces become hyphens, all else goes; the second of the same name
// ends with -1, the third with -2.
Lines anchors(const std::vector<Piece>& headings);

// Every README.md of the tree, "README.md" and "nn/distill/README.md"; and every .h and .cpp file.
// Neither what is built nor folders whose names begin with a dot.
Lines all_readmes();
Lines all_sources();

// A failed check for every complaint about a README of the tree, given its name and its text.
void check_readmes(
    FunctionRef<Lines(const std::string& readme, const std::string& text)> complaints);

}  // namespace limbeck::testing
