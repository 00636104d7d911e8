// Files of labelled images: arrays of numpy in NPZ, and CSV.
#include "data/load_images.h"
#include "tests/data/image_files.h"
#include "tests/fuzz/fuzz.h"

namespace limbeck::fuzz {
namespace {

using testing::Bytes;

// Reads a file of images, with options that the choices tell.
void load(const std::string& path, Choices& choices) {
  ImageOptions options{.test_share = 0.5};
  const Index mode = choices.below(8);
  if (mode == 5) options.classes = 1 + choices.below(20);
  if (mode == 6) options.height = 1 + choices.below(9), options.width = 1 + choices.below(9);
  if (mode == 7) options.transpose = true;
  accepted([&] {
    const ImageSets sets = load_images(path, options);
    must(sets.train.size() > 0 && sets.test.size() > 0, "a set has no images");
    must(sets.train.image == sets.test.image, "the sets have images of other shapes");
    must(accepted([&] { sets.train.check("fuzz"), sets.test.check_labelled("fuzz"); }),
         "a dataset breaks its own rules");
    must(sets.class_names.empty() ||
             static_cast<Index>(sets.class_names.size()) == sets.train.classes,
         "there are other numbers of names and classes");
  });
}

// An array with a right head, of one of the kinds that images and labels have, or of a kind that
// the choices spell out.
Bytes any_npy(Choices& choices, Index count, bool images) {
  const char* const dtypes[] = {"|u1", "<f4", "<i8", "|b1", "<f8", "<u2", "|O", ">i4"};
  const std::string dtype = choices.one_of(dtypes);
  std::string shape = fmt::format("({},", count);
  Index size = count;
  for (Index rank = images ? 1 + choices.below(3) : choices.below(2); rank > 0; --rank) {
    const Index dim = images ? choices.below(6) : 1;
    shape += fmt::format(" {},", dim);
    size *= dim;
  }
  Bytes elements = choices.text();
  if (choices.below(8) != 0) {
    elements.resize(static_cast<std::size_t>(size * std::max(1, dtype.back() - '0')));
  }
  return testing::npy_file(dtype, shape + ")", elements);
}

}  // namespace

void run_npz(std::string_view bytes) {
  Choices choices(bytes);
  Bytes archive;
  Choices options = choices;
  if (choices.below(2) == 0) {
    archive = choices.rest();
  } else {
    const char* const names[] = {"x_train.npy", "y_train.npy", "x_test.npy", "images.npy", "y.npy"};
    const Index count = 1 + choices.below(6);
    std::vector<std::pair<std::string, Bytes>> members;
    for (const bool images : {true, false}) {
      const bool usual = choices.below(8) != 0;
      const std::string name = usual ? (images ? "x.npy" : "y.npy") : choices.one_of(names);
      members.emplace_back(name, any_npy(choices, count, images));
    }
    archive = testing::zip_file(members, choices.below(2) == 1);
    const auto at = static_cast<std::size_t>(choices.byte()) * 4 + choices.byte() % 4;
    if (at > 0 && at < archive.size()) archive[at] = static_cast<char>(choices.byte());
  }
  load(file_of("set.npz", archive), options);
}

void run_csv(std::string_view bytes) {
  Choices choices(bytes);
  Choices options = choices;
  choices.byte();
  load(file_of("set.csv", choices.rest()), options);
}

}  // namespace limbeck::fuzz
