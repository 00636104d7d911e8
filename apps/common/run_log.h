// RunLog: the epochs of a program's networks in files, for TensorBoard and for spreadsheets.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/common/event_file.h"
#include "core/function_ref.h"
#include "nn/train/trainer.h"

namespace limbeck {

enum class LogStart {
  anew,     // writes epochs.csv from its beginning
  resumed,  // goes on with what is there
};

// DIR/epochs.csv has a row an epoch of every network, DIR/NETWORK/ an event file of each
// (apps/common/event_file.h), both a step more after every epoch:
//
//   RunLog run_log("runs/1", LogStart::anew);
//   run_log.follow(options, "student-distilled", 4);
//   distiller.fit(train, options);
//
// The columns: network, epoch (from 1), loss (what was minimised), hard (cross-entropy with the
// labels), soft (T² · KL), errors (on the test set), agreement (with the teacher, from 0 to 1), lr
// (at the epoch's end), temperature, seconds (of training). What else a report has, terms of a loss
// of one's own with their weights (kd, kd-weight), errors on a validation set, metrics, gets a
// column when it first comes. What is not known is empty. In the event files the same names are
// tags, and the epoch is the step.
class RunLog {
 public:
  // Error, with the path: the folder cannot be made, or epochs.csv written or read, or it is
  // another table.
  RunLog(std::string folder, LogStart start);

  // Lets the training with these options report to this log, which must outlive it, after whatever
  // options.on_epoch calls already. `network` names its folder: letters, digits, '-' and '_' only.
  // What the log already has of this network beyond `epochs_done` goes, so that a training that is
  // resumed there finds its earlier epochs and repeats none, whatever an interrupted one wrote
  // after it was saved; at 0 it all goes. Error: as above, also later, after an epoch.
  void follow(TrainOptions& options, const std::string& network,
              std::optional<double> temperature = {}, Index epochs_done = 0);

 private:
  // Writes the table anew with what `change` makes of each row, and columns more than before.
  void change_rows(FunctionRef<std::string(const std::string& row)> change,
                   const std::vector<std::string>& more = {});
  void drop_rows(const std::string& network, Index epochs_done);
  // Those that the table does not have yet; in the rows so far they are empty.
  void add_columns(const std::vector<Scalar>& scalars);

  std::string folder_;
  std::string table_;  // DIR/epochs.csv
  std::vector<std::string> columns_;
};

}  // namespace limbeck
