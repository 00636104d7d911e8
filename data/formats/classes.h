// From labels as files have them to classes from 0 on.
#pragma once

#include "data/formats/raw_sets.h"

namespace limbeck::detail {

// All sets that are there, the training set first.
std::vector<RawSet*> all_of(RawSets& raw);

// Labels that are words, "cat" say, become their places in the sorted list of the training set's,
// which are the classes' names. Error: a word that is not among these; words beside numbers.
void number_words(RawSets& raw);

// How many classes there are, and by how much labels are shifted to begin at 0.
struct Classes {
  Index count;
  std::int64_t first;
};

// By the labels of all sets, and by the number that the options tell. A note says that they are
// shifted. Error, with file and place: a label below 0, or above what the number allows, or, where
// no number is told, so large that most classes have no training image.
Classes classes_of(RawSets& raw, const ImageOptions& options);

// A name a class: from class_names.txt in the folder or beside the file, a line each; from what the
// files tell; or none. Error: class_names.txt has another number of them.
std::vector<std::string> names_of(const RawSets& raw, const Classes& classes,
                                  const std::string& path);

// Classes that the training images lack: a note, or an error if the test images have one and nobody
// told the number of classes.
void check_classes(ImageSets& sets, const ImageOptions& options, const std::string& path);

// EMNIST's lists: a label, then the codes of the characters that belong to it. Error: a line that
// is none, with its text.
std::map<std::int64_t, std::string> mapping_of(const std::string& path);

// Moves this share of the training images of each class, drawn at random, to the test set: at least
// one of two, and never all. Both keep their order. Error: no class has two.
void hold_back(ImageSets& sets, double share);

}  // namespace limbeck::detail
