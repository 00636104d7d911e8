// The exercises of apps/README.md: bodies to write, each with the test that it has to pass.
#include <cstdint>
#include <string>
#include <vector>

#include "tests/testing.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// Exercise 1. Of a network in the text of an epochs.csv (apps/common/run_log.h), the epoch with the
// fewest errors, the first of them; 0 if there is none. Columns go by their names in the first
// line; where `errors` is empty, the epoch was not judged.
Index best_epoch(const std::string& csv, const std::string& network) {
  static_cast<void>(csv);
  static_cast<void>(network);
  fail("exercise", "not done yet");
}

// Exercise 2. The confusion matrix: element (i, j), row-major, counts the images of class i that
// were taken for class j. Error: lists of different lengths.
std::vector<Index> confusion_matrix(const std::vector<std::int32_t>& class_ids,
                                    const std::vector<std::int32_t>& decisions, Index classes) {
  static_cast<void>(class_ids);
  static_cast<void>(decisions);
  static_cast<void>(classes);
  fail("exercise", "not done yet");
}

// Exercise 3. The expected calibration error: decisions fall into bins by their confidence, the
// largest probability of a row, bin b of B holding (b / B, (b + 1) / B]; the result is the mean
// over all cases of |share that is right − mean confidence| of the bin that the case is in.
// Probabilities (N, C), N labels. Guo et al., "On Calibration of Modern Neural Networks", ICML
// 2017, equation 3.
double calibration_error(const Tensor& probs, const std::vector<std::int32_t>& class_ids,
                         Index bins) {
  static_cast<void>(probs);
  static_cast<void>(class_ids);
  static_cast<void>(bins);
  fail("exercise", "not done yet");
}

}  // namespace

TEST_CASE("exercise apps 1: the best epoch of a log" * doctest::skip()) {
  const std::string csv =
      "network,epoch,loss,hard,soft,errors,agreement,lr,temperature,seconds\n"
      "teacher,1,0.5,0.5,0,90,,0.001,,2.5\n"
      "teacher,2,0.25,0.25,0,40,,0.0005,,2.5\n"
      "teacher,3,0.125,0.125,0,55,,0,,2.5\n"
      "student-hard,1,0.75,0.75,0,100,,0.001,,1\n"
      "student-hard,2,0.5,0.5,0,62,,0.0005,,1\n"
      "student-hard,3,0.25,0.25,0,62,,0,,1\n"
      "student-distilled,1,0.75,0.75,0.5,,,0.001,4,1\n";
  CHECK(best_epoch(csv, "teacher") == 2);
  CHECK(best_epoch(csv, "student-hard") == 2);
  CHECK(best_epoch(csv, "student-distilled") == 0);
  CHECK(best_epoch("errors,epoch,network\n5,1,a\n12,2,a\n3,1,b\n", "a") == 1);
}

TEST_CASE("exercise apps 2: a confusion matrix" * doctest::skip()) {
  const std::vector<Index> counts = confusion_matrix({0, 0, 1, 2, 2, 2}, {0, 1, 1, 2, 0, 0}, 3);
  CHECK(counts == std::vector<Index>{1, 1, 0, 0, 1, 0, 2, 0, 1});
  CHECK(error_of([] { confusion_matrix({0}, {0, 1}, 3); }) != "(no error)");
  CHECK(error_of([] { confusion_matrix({0}, {0, 1}, 3); }) != "exercise: not done yet");
}

TEST_CASE("exercise apps 3: the calibration of a network" * doctest::skip()) {
  // Four answers of 0.75, three of them right: honest. Two of 0.95, one right: 0.45 too sure.
  const Tensor probs = Tensor::from(
      {6, 2}, {0.75, 0.25, 0.75, 0.25, 0.25, 0.75, 0.75, 0.25, 0.95F, 0.05F, 0.05F, 0.95F});
  const std::vector<std::int32_t> class_ids = {0, 0, 1, 1, 0, 0};
  CHECK(calibration_error(probs, class_ids, 5) == doctest::Approx(0.45 * 2 / 6));
  // In one bin: four of six right, said with (4 · 0.75 + 2 · 0.95) / 6.
  CHECK(calibration_error(probs, class_ids, 1) == doctest::Approx(4.9 / 6 - 4.0 / 6));
  CHECK(calibration_error(Tensor::from({1, 2}, {0, 1}), {1}, 10) == 0);
}
