// Files of every kind, cut at every byte or changed at random: read, or refused by an Error.
#include "data/load_images.h"
#include "tests/data/image_files.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

// What is read of the folder is whole, or an Error says why not. Whether it was read.
bool survives(const Folder& folder) {
  const std::string error = error_of([&] {
    const ImageSets sets = load_images(folder.path(), {.test_share = 0.5});
    sets.train.check("test");
    sets.test.check("test");
    REQUIRE(sets.train.size() > 0);
    REQUIRE(sets.test.image == sets.train.image);
  });
  CHECK_MESSAGE((error == "(no error)" || error.starts_with("load_images: ")), error);
  return error == "(no error)";
}

// Every beginning of the file, and 600 copies with a few bytes changed.
void spoil(const Folder& folder, const std::string& name) {
  CAPTURE(name);
  CHECK(survives(folder));
  const Bytes whole = read_all(folder.file(name));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    folder.write(name, whole.substr(0, size));
    survives(folder);
  }
  Rng rng(3);
  int read = 0;
  for (int copy = 0; copy < 600; ++copy) {
    Bytes changed = whole;
    for (Index left = 1 + rng.below(3); left > 0; --left) {
      changed[static_cast<std::size_t>(rng.below(static_cast<Index>(whole.size())))] =
          static_cast<char>(rng.next());
    }
    folder.write(name, changed);
    read += survives(folder) ? 1 : 0;
  }
  CHECK(read < 600);
  folder.write(name, whole);
}

}  // namespace

TEST_CASE("no cut or changed file of images does worse than an error") {
  const Dataset grey = random_images({1, 3, 3}, 2, 2, 1),
                colours = random_images({3, 4, 4}, 2, 2, 2);
  {
    const Folder folder;
    folder.write("train-images-idx4-ubyte", colour_idx_file(colours));
    folder.write("train-labels-idx1-ubyte", labels_file(colours));
    spoil(folder, "train-images-idx4-ubyte");
    spoil(folder, "train-labels-idx1-ubyte");
  }
  for (const bool deflated : {false, true}) {
    const Folder folder;
    folder.write("set.npz",
                 zip_file({{"x.npy", npy_images(grey)}, {"y.npy", npy_labels(grey)}}, deflated));
    spoil(folder, "set.npz");
  }
  {
    const Folder folder;
    folder.write("set.csv", csv_file(grey));
    spoil(folder, "set.csv");
    folder.write_gzipped("set.csv", csv_file(grey));
    spoil(folder, "set.csv");
  }
  const auto jpeg = [](const Dataset& data, Index i) { return jpeg_of(data, i, 80); };
  for (const auto& [ending, picture] :
       {std::pair<std::string, PictureOf>{"png", png_of}, {"ppm", pnm_of}, {"jpg", jpeg}}) {
    const Folder folder;
    write_pictures(folder, "", colours, {"a", "b"}, ending, picture);
    spoil(folder, "a/00001." + ending);
  }
}
