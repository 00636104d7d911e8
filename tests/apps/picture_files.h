// Picture files for tests to write, byte by byte: PNG and PGM.
#pragma once

#include "tests/data/idx_files.h"

namespace limbeck::testing {

// A chunk of a PNG: length, type, data, CRC (ISO/IEC 15948, 5.3).
inline Bytes png_chunk(const Bytes& type, const Bytes& data) {
  const Bytes checked = type + data;
  const auto crc =
      crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  return word(static_cast<std::uint32_t>(data.size())) + checked +
         word(static_cast<std::uint32_t>(crc));
}

struct Png {
  Index width, height;
  int depth = 8;    // bits of a number
  int colours = 0;  // 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA
  Bytes rows;       // as they lie, without filters
  Bytes more{};     // chunks before the pixels: palette, transparency, gamma
};

inline Bytes png_file(const Png& png) {
  const auto line = png.rows.size() / static_cast<std::size_t>(png.height);
  Bytes filtered;
  for (std::size_t at = 0; at < png.rows.size(); at += line) {
    filtered += '\0' + png.rows.substr(at, line);  // filter 0: none
  }
  uLongf size = compressBound(static_cast<uLong>(filtered.size()));
  Bytes packed(size, '\0');
  compress(reinterpret_cast<Bytef*>(packed.data()), &size,
           reinterpret_cast<const Bytef*>(filtered.data()), static_cast<uLong>(filtered.size()));
  packed.resize(size);
  const Bytes head = word(static_cast<std::uint32_t>(png.width)) +
                     word(static_cast<std::uint32_t>(png.height)) + static_cast<char>(png.depth) +
                     static_cast<char>(png.colours) + Bytes(3, '\0');
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", head) + png.more + png_chunk("IDAT", packed) +
         png_chunk("IEND", "");
}

inline Bytes as_bytes(const std::vector<std::uint8_t>& pixels) {
  return {pixels.begin(), pixels.end()};
}

// Grey pixels of one byte, in both formats.
inline Bytes grey_png(Index width, Index height, const std::vector<std::uint8_t>& pixels) {
  return png_file({.width = width, .height = height, .rows = as_bytes(pixels)});
}
inline Bytes grey_pgm(Index width, Index height, const std::vector<std::uint8_t>& pixels) {
  return fmt::format("P5\n{} {}\n255\n", width, height) + as_bytes(pixels);
}

}  // namespace limbeck::testing
