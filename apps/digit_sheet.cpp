// digit_sheet: looks at the data. Draws the first images of each class as one PNG picture, a row a
// class, from the synthetic digits or letters or from files; as they are, or as training with
// augmentation sees them.
#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <cmath>

#include "apps/common/data_options.h"
#include "apps/common/program.h"
#include "apps/common/say.h"
#include "core/error.h"
#include "core/files/file.h"
#include "data/distortion.h"

using namespace limbeck;

namespace {

// Pixels row by row, each a byte of grey or three of red, green and blue.
struct Picture {
  Index width, height, channels;
  std::vector<std::uint8_t> pixels;

  std::uint8_t* at(Index y, Index x) { return pixels.data() + (y * width + x) * channels; }
};

// The bytes of image i after `augment`, if there is one.
std::vector<std::uint8_t> augmented(const Dataset& data, Index i, const Augmentation& augment,
                                    const Rng& rng) {
  const auto bytes = data.pixels_of(i);
  if (!augment) return {bytes.begin(), bytes.end()};
  Batch batch = make_batch(data, std::span(&i, 1));
  Rng image_rng = rng.child(static_cast<std::uint64_t>(i));
  augment(batch.images.values(), data.image, image_rng);
  std::vector<std::uint8_t> pixels;
  for (const real ink : batch.images.values()) {
    pixels.push_back(static_cast<std::uint8_t>(std::lround(255 * std::clamp<real>(ink, 0, 1))));
  }
  return pixels;
}

// Puts an image, (C, H, W), there: in grey or, of three channels, in colours. Of others, the first.
void place(const std::vector<std::uint8_t>& image, Index h, Index w, Picture& sheet, Index top,
           Index left) {
  for (Index y = 0; y < h; ++y) {
    for (Index x = 0; x < w; ++x) {
      for (Index c = 0; c < sheet.channels; ++c) {
        sheet.at(top + y, left + x)[c] = image[static_cast<std::size_t>((c * h + y) * w + x)];
      }
    }
  }
}

Picture sheet_of(const Dataset& data, Index columns, const Augmentation& augment, const Rng& rng) {
  const Index h = data.image.dim(-2), w = data.image.dim(-1);
  constexpr Index gap = 2;
  Picture sheet{.width = columns * (w + gap),
                .height = data.classes * (h + gap),
                .channels = data.image.dim(0) == 3 ? 3 : 1,
                .pixels = {}};
  sheet.pixels.assign(static_cast<std::size_t>(sheet.width * sheet.height * sheet.channels), 60);
  std::vector<Index> filled(static_cast<std::size_t>(data.classes), 0);
  for (Index i = 0; i < data.size(); ++i) {
    const Index row = data.class_ids[static_cast<std::size_t>(i)];
    const Index column = filled[static_cast<std::size_t>(row)];
    if (column == columns) continue;
    ++filled[static_cast<std::size_t>(row)];
    place(augmented(data, i, augment, rng), h, w, sheet, row * (h + gap), column * (w + gap));
  }
  return sheet;
}

void write_png(const std::string& file, const Picture& picture) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(picture.width);
  png.height = static_cast<png_uint_32>(picture.height);
  png.format = picture.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  std::string bytes(PNG_IMAGE_PNG_SIZE_MAX(png), '\0');
  png_alloc_size_t size = bytes.size();
  if (png_image_write_to_memory(&png, bytes.data(), &size, 0, picture.pixels.data(), 0, nullptr) ==
      0) {
    fail("write_png", "{}: {}", file, png.message);
  }
  write_file("--out", file, std::string_view(bytes).substr(0, size));
}

}  // namespace

int main(int argc, char** argv) {
  DataSettings source;
  std::string file = "digits.png";
  Index columns = 20;
  std::uint64_t seed = 1;
  double difficulty = 1;
  Index shift_by = 0;
  bool distort = false;
  const auto add_options = [&](Options& options) {
    limbeck::add_options(options, source);
    options.add("--out", file, "The picture to write").show_default();
    options.add("--columns", columns, "Images a class")
        .type("N")
        .show_default()
        .check(at_least_1())
        .check(valid_number([](double n) {
          if (n > 10'000) fail("number", "must be at most 10000; got {:g}", n);
        }));
    options.add("--seed", seed, "Seed of synthetic images and augmentation")
        .type("N")
        .show_default();
    options.add("--difficulty", difficulty, "Distortion of synthetic digits and letters; 0: none")
        .show_default();
    const Option shift =
        options.add("--shift", shift_by, "Shift each image by up to so many pixels")
            .type("N")
            .check(valid_number([](double k) {
              if (!(k >= 0 && k <= 1000)) fail("number", "must be from 0 to 1000; got {:g}", k);
            }));
    options
        .flag("--distort", distort,
              "Turn, scale, lean, shift and bend each image, as strongly as suits MNIST")
        .excludes(shift);
  };
  const auto draw = [&] {
    const Index each = source.path.empty() ? 20 : 52;  // twice as many as there are classes
    const ImageSets sets =
        load(source, {.train = each * columns, .test = 1, .seed = seed, .difficulty = difficulty});
    for (const std::string& note : sets.notes) say("{}\n", note);
    const Dataset& data = sets.train;
    Augmentation augment;
    if (distort) augment = random_distortion(mnist_distortion);
    if (shift_by > 0) augment = random_shift(shift_by);
    write_png(file, sheet_of(data, columns, augment, Rng(seed)));
    fmt::print("{}: up to {} images of each of {} classes\n", file, columns, data.classes);
    for (std::size_t c = 0; c < sets.class_names.size(); ++c) {
      fmt::print("row {}: {}\n", c + 1, sets.class_names[c]);
    }
  };
  return run_program({.name = "digit_sheet",
                      .description = "Draws a sheet of images as a PNG picture, a row a class.",
                      .add_options = add_options,
                      .work = draw},
                     argc, argv);
}
