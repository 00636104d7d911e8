// What mnist_distill is asked for on its command line.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "apps/common/data_options.h"
#include "apps/common/input_options.h"
#include "apps/common/training_options.h"
#include "apps/distill/chains.h"
#include "apps/distill/method_options.h"
#include "core/parallel.h"
#include "nn/distill/distillation_loss.h"
#include "nn/train/ranks.h"

namespace limbeck {

class Options;

struct DistillSettings {
  // What is learned, from what, and how.
  DataSettings data{};
  std::string teacher = "mlp:800,800";
  std::string student = "mlp:128";
  DistillationOptions distillation{};
  MethodSettings method{};  // in its place, where given
  ChainSettings chains{};   // who teaches whom, if not the teacher the student alone
  Index teacher_epochs = 10;
  Index epochs = 40;
  Index batch_size = 128;
  double lr = 1e-3;
  Index train_size = 0;  // 0: all
  TrainingSettings training{};
  double teacher_dropout = 0.3;
  std::string teacher_augment = "shift";
  std::string augment = "none";
  Index repeats = 1;
  int bits = 0;  // of the distilled student's weights, trained on for them; 0: floats alone
  Index bits_epochs = 5;  // of that training
  double bits_lr = 0;     // likewise; 0: a tenth of lr, or below 4 bits all of it
  std::uint64_t seed = 1;
  int threads = limbeck::threads();
  std::string given_threads{};    // as it was given, if it was
  const Ranks* ranks = nullptr;   // who trains together, where there are several
  std::string teacher_weights;    // a file; empty: the teacher is trained
  std::string teacher_logits;     // a file; empty: the teacher answers
  std::string teacher_onnx;       // a file; empty: the teacher is one of ours
  InputSettings teacher_input{};  // of a teacher from a file
  // Whether the teacher is trained here, and not given.
  bool trains_teacher() const {
    return teacher_weights.empty() && teacher_logits.empty() && teacher_onnx.empty();
  }

  // What is kept: files and folders, where not empty.
  std::string save, save_logits, export_onnx, export_c, export_c_int8;
  std::string checkpoint, resume;
  std::string json, log_dir, report;

  bool normalise = false;
  bool list_models = false;
  bool quiet = false;
  bool detect_anomaly = false;

  // Whether this process writes: of ranks the first.
  bool is_first() const { return ranks == nullptr || ranks->first(); }
  // The learning rate of the training with few bits.
  double rate_with_bits() const { return bits_lr > 0 ? bits_lr : bits < 4 ? lr : lr / 10; }
};

void add_options(Options& options, DistillSettings& settings);

// The first group of them, which set what a run computes, as its JSON tells them.
nlohmann::ordered_json to_json(const DistillSettings& settings);

// What cannot be said of one option alone, and files that could not be written in the end, which is
// best known now. Error: of the option.
void check(const DistillSettings& settings);

}  // namespace limbeck
