// What a run tries before its first training, for what would else be found out after hours.
#pragma once

#include <string>

#include "apps/distill/chains.h"
#include "data/dataset.h"

namespace limbeck {

// All networks once: that the images are too small for one, or the memory; that the student can be
// exported and be trained in few bits, where it is to be; and what is learned, as below, but of a
// teacher that is yet to be read from its file. Error: in the option's name.
void try_networks(const DistillSettings& settings, const Dataset& train, const RunTools& tools);

// Whether all that learn have what the objective asks for, and those who teach them: this teacher,
// or none, and then each the next.
void try_objectives(const DistillSettings& settings, const Dataset& train, const RunTools& tools,
                    Module* teacher, const std::string& teacher_spec);

// The options of all trainings, with this set. Error: likewise, as check_training
// (nn/train/train_options.h).
void try_trainings(const DistillSettings& settings, const Dataset& train, const RunTools& tools);

// Of the training with few bits.
TrainOptions options_with_bits(const DistillSettings& settings, const RunTools& tools);

}  // namespace limbeck
