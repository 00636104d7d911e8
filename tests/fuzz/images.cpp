// Images: IDX, plain and gzipped; PNG, JPEG, PGM and PPM; what a network gets of a picture.
#include <algorithm>

#include "apps/predict/image_file.h"
#include "apps/predict/prepare.h"
#include "data/idx.h"
#include "tests/apps/picture_files.h"
#include "tests/fuzz/fuzz.h"

namespace limbeck::fuzz {
namespace {

using testing::Bytes;
using testing::word;

// As gzip -0 would make it: RFC 1952, with one block of RFC 1951 that is not compressed.
Bytes gzipped(const Bytes& bytes) {
  const auto reversed = [](const Bytes& word) { return Bytes(word.rbegin(), word.rend()); };
  const auto size = static_cast<std::uint32_t>(bytes.size());
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), size);
  return Bytes("\x1f\x8b\x08\0\0\0\0\0\0\x03\x01", 11) + reversed(word(~size << 16 | size)) +
         bytes + reversed(word(static_cast<std::uint32_t>(sum))) + reversed(word(size));
}

// An IDX file with these data: behind a right header of small sizes; cut or too long at times; or
// gzipped, with a byte that is another.
Bytes idx_file(Choices& choices, std::uint32_t rank, Bytes bytes) {
  const Index mode = choices.below(4);
  if (mode > 0) {
    Bytes header = word(0x800 | rank);
    std::size_t size = 1;
    for (std::uint32_t d = 0; d < rank; ++d) {
      const auto dim = static_cast<std::uint32_t>(choices.below(6));
      header += word(mode == 3 && dim == 5 ? 0xFFFFFFFF : dim);
      size *= dim;
    }
    if (mode == 1) bytes.resize(size);
    bytes = header + bytes;
  }
  if (choices.below(4) != 0) return bytes;
  Bytes packed = gzipped(bytes);
  const auto at = static_cast<std::size_t>(choices.byte());
  if (at >= 128) packed.resize(packed.size() - std::min(packed.size(), at - 128));
  if (at > 0 && at < packed.size() && at < 128) packed[at] = static_cast<char>(choices.byte());
  return packed;
}

void prepare(const GreyImage& image, Index height, Index width, bool as_is) {
  const Preparation preparation{.height = height, .width = width, .as_is = as_is};
  std::vector<std::uint8_t> pixels;
  if (!accepted([&] { pixels = prepare_image(image, "picture", preparation); })) return;
  must(static_cast<Index>(pixels.size()) == height * width, "a prepared picture has another size");
  must(as_is || std::ranges::max(pixels) > 0, "a prepared picture has no ink");
}

// Writes right check sums into a PNG's chunks, as far as there are whole ones.
void mend_check_sums(Bytes& png) {
  for (std::size_t at = 8; at + 12 <= png.size();) {
    std::uint32_t length = 0;
    for (std::size_t i = 0; i < 4; ++i)
      length = length << 8 | static_cast<std::uint8_t>(png[at + i]);
    if (length > png.size() - at - 12) return;
    const Bytes chunk = testing::png_chunk(png.substr(at + 4, 4), png.substr(at + 8, length));
    png.replace(at, chunk.size(), chunk);
    at += chunk.size();
  }
}

// A PNG of one of the format's kinds, with these bytes as filtered rows (one pass, or more of
// them).
Bytes made_png(Choices& choices) {
  const int depths[] = {1, 2, 4, 8, 16, 3};
  const int colours[] = {0, 2, 3, 4, 6, 1};
  const Index width = choices.below(20), height = choices.below(20);
  const int depth = choices.one_of(depths), colour = choices.one_of(colours);
  const Bytes head = word(static_cast<std::uint32_t>(width)) +
                     word(static_cast<std::uint32_t>(height)) + static_cast<char>(depth) +
                     static_cast<char>(colour) + Bytes(2, '\0') +
                     static_cast<char>(choices.below(3));  // interlacing
  Bytes more;
  const char* const types[] = {"PLTE", "tRNS", "gAMA", "sRGB", "cHRM", "bKGD", "sBIT", "tEXt"};
  for (Index n = choices.below(4); n > 0; --n) {
    const char* const type = choices.one_of(types);
    more += testing::png_chunk(type, choices.text());
  }
  Bytes rows = choices.rest();
  rows.resize(std::max<std::size_t>(rows.size(), static_cast<std::size_t>(height)));
  uLongf size = compressBound(static_cast<uLong>(rows.size()));
  Bytes packed(size, '\0');
  compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
            reinterpret_cast<const Bytef*>(rows.data()), static_cast<uLong>(rows.size()), 1);
  packed.resize(size);
  return "\x89PNG\r\n\x1a\n" + testing::png_chunk("IHDR", head) + more +
         testing::png_chunk("IDAT", packed) + testing::png_chunk("IEND", "");
}

// Whether a JPEG says so anywhere that it could be where its size is: FF C0 to FF C2, the length,
// the precision, height and width.
bool is_slow_jpeg(const Bytes& jpeg) {
  for (std::size_t at = 2; at + 9 <= jpeg.size(); ++at) {
    const auto byte = [&](std::size_t i) {
      return std::uint32_t{static_cast<std::uint8_t>(jpeg[at + i])};
    };
    if (byte(0) != 0xFF || byte(1) < 0xC0 || byte(1) > 0xCF) continue;
    if ((byte(5) << 8 | byte(6)) * (byte(7) << 8 | byte(8)) > 40'000) return true;
  }
  return false;
}

// Whether a picture claims a size that is read, and takes long.
bool is_slow(const Bytes& png) {
  if (png.starts_with("\xFF\xD8")) return is_slow_jpeg(png);
  if (!png.starts_with("\x89PNG") || png.size() < 24) return false;
  std::uint64_t size[2] = {0, 0};
  for (std::size_t i = 0; i < 8; ++i) {
    size[i / 4] = size[i / 4] << 8 | static_cast<std::uint8_t>(png[16 + i]);
  }
  const std::uint64_t pixels = size[0] * size[1];
  return pixels > 40'000 && pixels <= static_cast<std::uint64_t>(most_pixels);
}

}  // namespace

void run_idx(std::string_view bytes) {
  Choices choices(bytes);
  Bytes images, labels;
  if (choices.below(2) == 0) {  // the bytes as they are, for the two files
    const auto size = static_cast<std::size_t>(choices.byte());
    labels = choices.rest();
    images = labels.substr(0, size);
    labels.erase(0, size);
  } else {
    images = choices.text(), labels = choices.text();
    images = idx_file(choices, 3, images);
    labels = idx_file(choices, 1, labels);
  }
  const std::string images_path = file_of("images", images);
  const std::string labels_path = file_of("labels", labels);
  accepted([&] {
    const Dataset data = read_idx(images_path, labels_path, 10);
    must(data.size() > 0, "there are no images");
    must(static_cast<Index>(data.pixels.size()) == data.size() * data.image.size(),
         "pixels and images do not agree");
    must(std::ranges::all_of(data.class_ids, [](std::uint8_t c) { return c < 10; }),
         "a label is beyond the classes");
  });
}

void run_image(std::string_view bytes) {
  Choices choices(bytes);
  const Index mode = choices.below(3);
  Bytes file = mode == 2 ? made_png(choices) : choices.rest();
  if (mode == 1) mend_check_sums(file);
  if (is_slow(file)) return;
  GreyImage image;
  if (!accepted([&] { image = decode_image(file, "picture"); })) return;
  must(image.width > 0 && image.height > 0, "a picture has no pixels");
  must(static_cast<Index>(image.pixels.size()) == image.width * image.height,
       "a picture has not the pixels of its size");
  if (image.width * image.height > 40'000) return;
  prepare(image, 28, 28, false);
  prepare(image, image.height, image.width, true);
}

void run_prepare(std::string_view bytes) {
  Choices choices(bytes);
  GreyImage image{.width = 1 + choices.below(40), .height = 1 + choices.below(40)};
  if (choices.below(16) == 15) image.width *= 80;
  const Index height = 1 + choices.below(40), width = 1 + choices.below(40);
  const bool as_is = choices.below(8) == 7;
  const std::string pixels = choices.rest();
  image.pixels.assign(pixels.begin(), pixels.end());
  image.pixels.resize(static_cast<std::size_t>(image.width * image.height),
                      pixels.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(pixels.back()));
  prepare(image, height, width, as_is);
}

}  // namespace limbeck::fuzz
