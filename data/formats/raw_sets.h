// What the readers of data/formats give to load_images: images and labels as files have them.
#pragma once

#include <functional>
#include <map>
#include <span>

#include "data/formats/names.h"
#include "data/load_images.h"

namespace limbeck::detail {

// The name for errors of all that load_images calls.
inline constexpr const char* load_op = "load_images";

// Images of one shape, with labels as they are written.
struct RawSet {
  Shape image{};                       // (C, H, W)
  std::vector<std::uint8_t> pixels{};  // N of them
  std::vector<std::int64_t> labels{};  // N; with words, places in these
  std::vector<std::string> words{};    // what the labels say, where they are no numbers
  std::string file{};                  // of the labels, for errors
};

// The sets that belong together.
struct RawSets {
  std::optional<RawSet> train{}, test{}, validation{};
  std::map<std::int64_t, std::string> class_names{};  // by label
  std::vector<std::string> notes{};
  bool on_their_side = false;  // EMNIST's are
  Index classes = 0;           // MNIST's ten; 0: the labels tell

  // The set of this part; images of which no part is said are training images.
  std::optional<RawSet>& of(Role role) {
    return role == Role::test ? test : role == Role::validation ? validation : train;
  }
};

// A set that is there to be read.
struct Found {
  std::string name;  // as ImageOptions::set has it
  std::string what;  // "IDX files", for a list of them
  std::function<RawSets(const ImageOptions& options)> read;
};

// What a folder holds, by name, sorted.
struct Listing {
  std::string path;
  std::vector<std::string> files{}, folders{};

  explicit Listing(const std::string& folder);
  std::string of(const std::string& name) const { return path + "/" + name; }
};

// The lines of a file of text that are not empty, without spaces at their ends.
std::vector<std::string> lines_in(const std::string& path);

// The sets of each kind that a folder has.
std::vector<Found> idx_sets(const Listing& folder);
std::vector<Found> array_sets(const Listing& folder);
std::vector<Found> csv_sets(const Listing& folder);
std::vector<Found> picture_sets(const Listing& folder);
std::vector<Found> cifar_sets(const Listing& folder);
// The set of a single file.
RawSets read_npz(const std::string& path, const ImageOptions& options);
RawSets read_csv(const std::string& path, const ImageOptions& options);

// How images lie that a file has as an array.
struct Layout {
  Shape image;         // (C, H, W)
  bool channels_last;  // as (H, W, C)
};
// Of arrays (N, D), (N, H, W), (N, H, W, C) and (N, C, H, W) with C from 1 to 4. D is the size that
// the options tell, else a square, of one channel or, as (H, W, 3), of three. Error, beginning with
// `file`: none of these.
Layout layout_of(std::span<const Index> dims, const ImageOptions& options, const std::string& file);
// (H, W, C) → (C, H, W), for all images.
void put_channels_first(std::vector<std::uint8_t>& pixels, const Shape& image);

// Numbers as bytes. The first ones tell whether they lie in [0, 1] or in [0, 255]; all that follow
// must, too. Error, beginning with `file`: a number that does not, or is not finite.
class RealsAsBytes {
 public:
  // Bytes: left as they are, unless they are 0 and 1 only.
  std::vector<std::uint8_t> operator()(std::vector<std::uint8_t> bytes, const std::string& file,
                                       std::vector<std::string>& notes);
  std::vector<std::uint8_t> operator()(std::span<const float> values, const std::string& file,
                                       std::vector<std::string>& notes);

 private:
  void check(float least, float most, const std::string& file);

  float factor_ = 0;  // 255 or 1; 0 before the first
};

}  // namespace limbeck::detail
