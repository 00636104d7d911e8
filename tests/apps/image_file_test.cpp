// Pictures from files: the same pixels whatever the format, and broken files.
#include "apps/predict/image_file.h"

#include "tests/apps/picture_files.h"

using namespace limbeck;
using namespace limbeck::testing;

namespace {

using Pixels = std::vector<std::uint8_t>;

Pixels random_pixels(std::size_t size, std::uint64_t seed) {
  Rng rng(seed);
  Pixels pixels(size);
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(rng.below(256));
  return pixels;
}

// The pixels of a file that has these bytes and this size.
Pixels pixels_of(const Bytes& bytes, Index width, Index height) {
  const GreyImage image = decode_image(bytes, "picture");
  CHECK(image.width == width);
  CHECK(image.height == height);
  return image.pixels;
}

void check_refused(const Bytes& bytes, const std::string& part) {
  const std::string error = error_of([&] { decode_image(bytes, "a picture"); });
  CAPTURE(error);
  CHECK(error.starts_with("read_image: a picture: "));
  CHECK(contains(error, part));
}

// Bytes that may be broken are read whole or refused by an Error. True if they were read.
bool survives(const Bytes& bytes) {
  try {
    const GreyImage image = decode_image(bytes, "changed");
    REQUIRE(image.width > 0);
    REQUIRE(image.height > 0);
    REQUIRE(static_cast<Index>(image.pixels.size()) == image.width * image.height);
    return true;
  } catch (const Error& error) {
    REQUIRE(contains(error.what(), "read_image: changed: "));
    return false;
  }
}

// Every beginning of the bytes, and 10,000 copies with a few bytes changed, can be read or refused.
// How many of the copies were read.
int spoil(const Bytes& bytes) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    survives(bytes.substr(0, size));
  }
  Rng rng(5);
  int read = 0;
  for (int copy = 0; copy < 10'000; ++copy) {
    Bytes changed = bytes;
    for (Index left = 1 + rng.below(3); left > 0; --left) {
      changed[static_cast<std::size_t>(rng.below(static_cast<Index>(bytes.size())))] =
          static_cast<char>(rng.next());
    }
    read += survives(changed) ? 1 : 0;
  }
  return read;
}

}  // namespace

TEST_CASE("PNG and PGM of the same pixels give the same picture") {
  const Pixels pixels = random_pixels(7 * 5, 1);
  const Folder folder;
  CHECK(read_image(folder.write("a.png", grey_png(7, 5, pixels))).pixels == pixels);
  CHECK(read_image(folder.write("a.pgm", grey_pgm(7, 5, pixels))).pixels == pixels);
  CHECK(pixels_of(grey_png(7, 5, pixels), 7, 5) == pixels);
  CHECK(pixels_of(grey_pgm(7, 5, pixels), 7, 5) == pixels);
  std::string plain = "P2 # a comment\n#another\n7\t5 255\n";
  for (const int pixel : pixels) plain += fmt::format("{}\n", pixel);
  CHECK(pixels_of(plain, 7, 5) == pixels);
  // 16 bits, 257 times as much: most significant byte first in both.
  Bytes twice;
  for (const std::uint8_t pixel : pixels) twice += Bytes(2, static_cast<char>(pixel));
  CHECK(pixels_of(png_file({.width = 7, .height = 5, .depth = 16, .rows = twice}), 7, 5) == pixels);
  CHECK(pixels_of("P5 7 5 65535\n" + twice, 7, 5) == pixels);
}

TEST_CASE("PGM's maximum is white, and values between are scaled and rounded") {
  CHECK(pixels_of("P2 4 1 3 0 1 2 3", 4, 1) == Pixels{0, 85, 170, 255});
  CHECK(pixels_of("P2 2 1 1 0 1", 2, 1) == Pixels{0, 255});
  CHECK(pixels_of("P2 3 1 1000 0 500 999", 3, 1) == Pixels{0, 128, 255});
  CHECK(pixels_of(Bytes("P5 3 1 1000\n\0\0\x01\xF4\x03\xE7", 18), 3, 1) == Pixels{0, 128, 255});
  CHECK(pixels_of("P5#c\n2 #c\n1 #c\n15\n\x03\x0F", 2, 1) == Pixels{51, 255});
  // After the maximum there is one white space; the next is a pixel already.
  CHECK(pixels_of("P5 2 1 255\n\n\t", 2, 1) == Pixels{10, 9});
}

TEST_CASE("PPM becomes grey by the weights of its colours") {
  CHECK(pixels_of("P3 2 1 255 255 0 0 0 255 0", 2, 1) == Pixels{76, 150});
  CHECK(pixels_of(Bytes("P6 1 1 255\n\0\0\xFF", 14), 1, 1) == Pixels{29});
}

TEST_CASE("PNG of every colour type becomes grey, and transparent parts white") {
  // Rec. 601 by hand: 0.299 · 255 = 76.2, 0.587 · 255 = 149.7, 0.114 · 255 = 29.1.
  const Bytes colours("\xFF\0\0\0\xFF\0\0\0\xFF\x40\x40\x40\xFF\xFF\xFF\0\0\0", 18);
  const Pixels grey = {76, 150, 29, 64, 255, 0};
  CHECK(pixels_of(png_file({.width = 3, .height = 2, .colours = 2, .rows = colours}), 3, 2) ==
        grey);
  const Bytes palette = png_chunk("PLTE", colours);
  CHECK(pixels_of(png_file({.width = 3,
                            .height = 2,
                            .colours = 3,
                            .rows = Bytes("\0\1\2\3\4\5", 6),
                            .more = palette}),
                  3, 2) == grey);
  // Two numbers a byte: 0 1, 2; 3 4, 5. Colour 1 transparent, colour 2 by a half.
  CHECK(pixels_of(png_file({.width = 3,
                            .height = 2,
                            .depth = 4,
                            .colours = 3,
                            .rows = "\x01\x20\x34\x50",
                            .more = palette + png_chunk("tRNS", Bytes("\xFF\0\x80", 3))}),
                  3, 2) == Pixels{76, 255, 142, 64, 255, 0});  // (128 · 29 + 127 · 255) / 255
  // One bit a pixel; four bits, 17 a step.
  CHECK(pixels_of(png_file({.width = 3, .height = 1, .depth = 1, .rows = "\xA0"}), 3, 1) ==
        Pixels{255, 0, 255});
  CHECK(pixels_of(png_file({.width = 3, .height = 1, .depth = 4, .rows = "\x0F\x50"}), 3, 1) ==
        Pixels{0, 255, 85});
  // Alpha: black opaque, black clear, black by a fifth, white.
  CHECK(pixels_of(png_file({.width = 4,
                            .height = 1,
                            .colours = 4,
                            .rows = Bytes("\0\xFF\0\0\0\x33\xFF\xFF", 8)}),
                  4, 1) == Pixels{0, 255, 204, 255});
  CHECK(
      pixels_of(
          png_file(
              {.width = 2, .height = 1, .colours = 6, .rows = Bytes("\xFF\0\0\xFF\0\0\xFF\0", 8)}),
          2, 1) == Pixels{76, 255});
  Bytes deep;  // the same in 16 bits
  for (const char c : Bytes("\xFF\0\0\xFF\0\0\xFF\0", 8)) deep += Bytes(2, c);
  CHECK(pixels_of(png_file({.width = 2, .height = 1, .depth = 16, .colours = 6, .rows = deep}), 2,
                  1) == Pixels{76, 255});
}

TEST_CASE("PNG with a gamma of its own is shown as sRGB") {
  // gAMA 100000: the numbers are amounts of light. Half the light, 128 / 255 = 0.502, is in sRGB
  // 1.055 · 0.502^(1/2.4) − 0.055 = 0.7366 of white, 187.8. libpng takes the power 1/2.2 for that
  // curve: 186.4.
  const Pixels lit = pixels_of(png_file({.width = 3,
                                         .height = 1,
                                         .rows = Bytes("\0\x80\xFF", 3),
                                         .more = png_chunk("gAMA", word(100000))}),
                               3, 1);
  CHECK(lit[0] == 0);
  CHECK(std::abs(lit[1] - 187) <= 1);
  CHECK(lit[2] == 255);
}

TEST_CASE("files that are no pictures are refused, and named") {
  CHECK(contains(error_of([] { read_image("/no/such.png"); }),
                 "read_image: /no/such.png: cannot be opened: No such file or directory"));
  CHECK(contains(error_of([] { read_image("/"); }), "read_image: /: cannot be opened"));
  const Folder folder;
  const std::string text = folder.write("notes.png", "no picture at all");
  CHECK(contains(error_of([&] { read_image(text); }), "read_image: " + text + ": neither a PNG"));
  check_refused("", "neither a PNG, JPEG, PGM nor PPM picture: convert it to one of them");
  check_refused("\xFF\xD8\xFF\xE0 JFIF", "not a JPEG picture that can be read: ");
  check_refused("P4 8 1\nx", "neither a PNG, JPEG, PGM nor PPM picture");
  check_refused("P55 1 1 255\na", "neither a PNG, JPEG, PGM nor PPM picture");

  const Bytes png = grey_png(6, 6, random_pixels(36, 2));
  check_refused(png.substr(0, 60), "not a PNG picture that can be read: ");
  Bytes wrong = png;
  wrong[wrong.size() - 20] ^= 1;  // in the pixels
  check_refused(wrong, "not a PNG picture that can be read: ");

  check_refused("P5", "neither");
  check_refused("P5 ", "it breaks off before its width");
  check_refused("P5 3 # 3 255", "it breaks off before its height");
  check_refused("P5 3 x", "a number belongs where its height should be");
  check_refused("P5 -3 3 255\n", "a number belongs where its width should be");
  check_refused("P5 0 3 255\n", "it has no pixels: it is 0 x 3");
  check_refused("P5 3 1 0\nabc", "its maximum is 0");
  check_refused("P5 3 1 65536\nabc", "its maximum is beyond 65535");
  check_refused("P5 99999999999999999999 1 255\n", "its width is beyond");
  check_refused("P5 3 1 255", "white space belongs before its pixels");
  check_refused("P5 3 1 255\nab", "its pixels need 3 bytes and it has 2");
  check_refused("P5 3 1 255\nabcd", "1 bytes follow its pixels");
  check_refused("P5 1 1 65535\na", "its pixels need 2 bytes and it has 1");
  check_refused("P5 2 1 9\n\x09\x0A", "it has a pixel of 10, above its maximum, 9");
  check_refused("P2 2 1 9 9", "it breaks off before its next pixel");
  check_refused("P2 2 1 9 9 10", "its next pixel is beyond 9");
  check_refused("P2 2 1 9 9 8 7", "something follows its pixels");
}

TEST_CASE("a picture of more than 100 megapixels is refused before memory is asked for") {
  check_refused("P5 10001 10000 255\n", "it has 10001 x 10000 pixels; at most 100000000 are read");
  check_refused("P2 2000000000 2000000000 255\n", "pixels; at most 100000000");
  const Bytes head = word(10001) + word(10000) + Bytes("\x08\0\0\0\0", 5);
  check_refused("\x89PNG\r\n\x1a\n" + png_chunk("IHDR", head) + png_chunk("IDAT", "x"),
                "it has 10001 x 10000 pixels; at most 100000000 are read");
}

TEST_CASE("no cut or changed file does worse than an error") {
  const Pixels pixels = random_pixels(6 * 6, 3);
  // A PNG checks itself: a change is seen, but in chunks that need not be there.
  CHECK(spoil(grey_png(6, 6, pixels)) < 500);
  const Bytes palette = png_chunk("PLTE", as_bytes(random_pixels(3 * 256, 4)));
  spoil(png_file(
      {.width = 6,
       .height = 6,
       .colours = 3,
       .rows = as_bytes(pixels),
       .more = palette + png_chunk("gAMA", word(50000)) + png_chunk("tRNS", as_bytes(pixels))}));
  // PGM's pixels can be any.
  CHECK(spoil(grey_pgm(6, 6, pixels)) > 1000);
  std::string plain = "P2\n6 6\n255\n";
  for (const int pixel : pixels) plain += fmt::format("{} ", pixel);
  CHECK(spoil(plain) > 25);  // where a digit became another
}
