// Folders of pictures, a folder a class.
#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>

#include "core/error.h"
#include "core/parallel.h"
#include "data/formats/names.h"
#include "data/formats/picture.h"
#include "data/formats/raw_sets.h"
#include "data/formats/resize.h"

namespace limbeck::detail {
namespace {

// A class: its folder's name, and the pictures there.
struct Class {
  std::string name;
  std::vector<std::string> files;
};

std::vector<Class> classes_in(const Listing& folder) {
  std::vector<Class> classes;
  for (const std::string& name : folder.folders) {
    const Listing inner(folder.of(name));
    Class found{.name = name, .files = {}};
    for (const std::string& file : inner.files) {
      if (is_picture_name(file)) found.files.push_back(inner.of(file));
    }
    if (!found.files.empty()) classes.push_back(std::move(found));
  }
  return classes;
}

bool has_classes(const Listing& folder) {
  for (const std::string& name : folder.folders) {
    if (std::ranges::any_of(Listing(folder.of(name)).files, is_picture_name)) return true;
  }
  return false;
}

// Puts the picture into its place, with the size and channels that are asked for. False: it has
// colours, and one channel was asked for.
bool place(const Picture& picture, const std::string& file, const std::string& first,
           const Shape& image, bool scaled, std::uint8_t* to) {
  if (image.dim(0) == 1 && picture.channels != 1) return false;
  std::vector<std::uint8_t> pixels = image.dim(0) == 1 ? picture.pixels : colours_of(picture);
  const Shape own{image.dim(0), picture.height, picture.width};
  if (own != image && !scaled) {
    fail(load_op, "{} is {} x {} and {} is {} x {}: give a size for all, --size {}x{}", file,
         picture.height, picture.width, first, image.dim(1), image.dim(2), image.dim(1),
         image.dim(2));
  }
  put_channels_first(pixels, own);
  if (own != image) pixels = resized(pixels, own, image);
  std::ranges::copy(pixels, to);
  return true;
}

// Reads all files into `set.pixels`. False: some have colours, and one channel was asked for.
bool read_all(RawSet& set, const std::vector<std::string>& files, bool scaled, Index& deep,
              Index& grey) {
  const auto size = static_cast<std::size_t>(set.image.size());
  set.pixels.assign(files.size() * size, 0);
  std::atomic<bool> fits = true;
  std::atomic<Index> with_more_levels = 0, without_colours = 0;
  parallel_for(static_cast<Index>(files.size()), 16, [&](Index begin, Index end) {
    for (Index i = begin; i < end && fits; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const Picture picture = read_picture(load_op, files[at]);
      if (!place(picture, files[at], files[0], set.image, scaled, &set.pixels[at * size])) {
        fits = false;
      }
      with_more_levels += picture.had_more_levels ? 1 : 0;
      without_colours += picture.channels == 1 ? 1 : 0;
    }
  });
  deep = with_more_levels;
  grey = without_colours;
  return fits;
}

std::int64_t number_of(const Class& c) {
  return std::stoll(c.name);
}

// Whether all classes are called by numbers from 0 or 1 on, of which a few may be missing; years,
// say, are names.
bool are_numbers(const std::vector<Class>& classes, Index told) {
  const auto most = std::max(static_cast<Index>(classes.size()), told);
  return std::ranges::all_of(classes, [most](const Class& c) {
    return c.name.size() <= 9 && c.name.find_first_not_of("0123456789") == std::string::npos &&
           number_of(c) <= most;
  });
}

class Reader {
 public:
  Reader(const ImageOptions& options, Index channels) : options_(options), channels_(channels) {}

  // No set: one has colours, and `channels` is 1.
  std::optional<RawSet> operator()(const Listing& folder) {
    std::vector<Class> classes = classes_in(folder);
    RawSet set{.file = folder.path};
    std::vector<std::string> files;
    // The training images come first; a test folder need not have all classes.
    if (!numbers_) numbers_ = are_numbers(classes, options_.classes);
    constexpr Index any = 999'999'999;
    const bool numbers = *numbers_ && are_numbers(classes, any);
    if (numbers) std::ranges::stable_sort(classes, {}, number_of);
    for (std::size_t c = 0; c < classes.size(); ++c) {
      const std::int64_t label = numbers ? number_of(classes[c]) : static_cast<Index>(c);
      if (!numbers) set.words.push_back(classes[c].name);
      set.labels.insert(set.labels.end(), classes[c].files.size(), label);
      files.insert(files.end(), classes[c].files.begin(), classes[c].files.end());
    }
    if (files.empty()) fail(load_op, "{}: there are no folders of pictures in it", folder.path);
    const Picture first = read_picture(load_op, files[0]);
    const bool scaled = options_.height > 0;
    set.image = {channels_, scaled ? options_.height : first.height,
                 scaled ? options_.width : first.width};
    Index deep = 0, grey = 0;
    if (!read_all(set, files, scaled, deep, grey)) return std::nullopt;
    if (deep > 0) {
      notes.push_back(
          fmt::format("{}: {} pictures of more than 256 levels keep 256", folder.path, deep));
    }
    if (channels_ == 3 && grey > 0) {
      notes.push_back(fmt::format("{}: {} pictures are grey; their three channels are alike",
                                  folder.path, grey));
    }
    return set;
  }

  std::vector<std::string> notes{};

 private:
  const ImageOptions& options_;
  Index channels_;
  std::optional<bool> numbers_{};  // whether folders are called by the numbers of classes
};

// The folders of the parts; that of the classes themselves is Role::unsaid.
using Folders = std::map<Role, std::string>;

RawSets read_folders(const Folders& folders, const ImageOptions& options) {
  // One channel, unless a picture among them has colours: then all have three.
  for (const Index channels : {1, 3}) {
    Reader read(options, channels);
    RawSets sets;
    bool fits = true;
    for (const auto& [role, path] : folders) {
      auto& set = sets.of(role);
      set = read(Listing(path));
      fits = fits && set;
      if (!fits) break;
    }
    sets.notes = read.notes;
    if (fits) return sets;
  }
  return {};
}

}  // namespace

std::vector<Found> picture_sets(const Listing& folder) {
  Folders folders;
  for (const std::string& name : folder.folders) {
    const SetName parsed = parse_name(name);
    const bool is_part = parsed.role != Role::unsaid && parsed.set.empty();
    if (!is_part || !has_classes(Listing(folder.of(name)))) continue;
    const auto [other, is_new] = folders.emplace(parsed.role, folder.of(name));
    if (!is_new) {
      fail(load_op, "{} and {} are the same part of one set: take one of them away", other->second,
           folder.of(name));
    }
  }
  if (folders.empty() && has_classes(folder)) folders[Role::unsaid] = folder.path;
  if (folders.empty()) return {};
  return {
      {.name = "pictures",
       .what = "folders of pictures",
       .read = [folders](const ImageOptions& options) { return read_folders(folders, options); }}};
}

}  // namespace limbeck::detail
