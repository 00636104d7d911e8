// The pictures of the chapters (the README.md of each folder), drawn by the code that they explain.
#pragma once

#include <string>
#include <vector>

namespace limbeck {

struct Figure {
  std::string file;  // where it stands in the tree: "core/autodiff.svg"
  std::string svg;   // the document
};

// One function a chapter. Each draws the same picture on every run.
std::vector<Figure> core_figures();
std::vector<Figure> nn_figures();
std::vector<Figure> distill_figures();
std::vector<Figure> optim_figures();
std::vector<Figure> data_figures();

// All of them, in the order of the book.
std::vector<Figure> all_figures();

}  // namespace limbeck
