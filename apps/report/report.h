// The report of a distillation as a web page: one file that needs no network and no server.
//
// The page shows the options and the table, learning curves, errors by class, confusion matrices
// and the images that were mistaken; it draws softmax(z / T) of all three networks for a T that the
// reader moves; and the students classify what the reader draws, with their weights in the page.
// Its markup, style and scripts are the files page.html, page.css and *.js of this folder, which
// the Makefile makes part of the program (apps/report/page_files.h).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "apps/common/distill_report.h"
#include "data/dataset.h"
#include "nn/sequential.h"

namespace limbeck {

// A run, with the networks of its first pair of students and their answers.
struct ReportInput {
  const DistillReport& results;
  nlohmann::ordered_json options;          // name and value, as for DistillReport::json
  const Dataset& test;                     // N images (D, H, W) of C classes, D 1 or 3
  std::vector<std::string> class_names{};  // of the C classes; none: their numbers
  Tensor teacher_logits;                   // (N, C), and so are the next two
  Tensor hard_logits;
  Tensor distilled_logits;
  Sequential& hard;
  Sequential& distilled;
  double temperature;  // that the page begins with, from 0.1 to 50 or moved to there
};

// The page's HTML. Its size is bounded, whatever the run: it holds at most 1,700 test images (all
// that some network mistakes, up to 200 for each set of networks that does, and 300 others), and
// only students of at most 2,000,000 bytes, as float; the page says what was left out.
// Error: no pair of students, images that are not (1, H, W) or (3, H, W), logits that are not (N,
// C), or what plain_layers (nn/export) refuses of a student.
std::string report_page(const ReportInput& input);

}  // namespace limbeck
