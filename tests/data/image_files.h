// A dataset as the files that people have it in, for tests to write: all that load_images reads.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <functional>

// (Wants <cstdio> before it.)
#include <jpeglib.h>

#include "tests/apps/picture_files.h"

namespace limbeck::testing {

// Images of random pixels, sorted by class, as many of each class.
inline Dataset random_images(const Shape& image, Index classes, Index each, std::uint64_t seed) {
  Rng rng(seed);
  Dataset data{.image = image, .classes = classes, .pixels = {}, .class_ids = {}};
  for (Index i = 0; i < classes * each; ++i) {
    data.class_ids.push_back(static_cast<std::int32_t>(i / each));
    for (Index p = 0; p < image.size(); ++p) {
      data.pixels.push_back(static_cast<std::uint8_t>(rng.below(256)));
    }
  }
  return data;
}

// The pixels of image i, or of all, as (H, W, C).
inline Bytes channels_last(const Dataset& data, Index i) {
  const auto pixels = data.pixels_of(i);
  const Index channels = data.image.dim(0), plane = data.image.size() / channels;
  Bytes bytes;
  for (Index at = 0; at < plane; ++at) {
    for (Index c = 0; c < channels; ++c) {
      bytes += static_cast<char>(pixels[static_cast<std::size_t>(c * plane + at)]);
    }
  }
  return bytes;
}
inline Bytes channels_last(const Dataset& data) {
  Bytes bytes;
  for (Index i = 0; i < data.size(); ++i) bytes += channels_last(data, i);
  return bytes;
}

// IDX of four dimensions, (N, H, W, C).
inline Bytes colour_idx_file(const Dataset& data) {
  Bytes head = word(0x804) + word(static_cast<std::uint32_t>(data.size()));
  for (const int d : {1, 2, 0}) head += word(static_cast<std::uint32_t>(data.image.dim(d)));
  return head + channels_last(data);
}

// Least significant byte first.
inline Bytes low_first(std::uint64_t value, std::size_t bytes) {
  Bytes text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i);
  return text;
}

// An array of numpy: dtype and shape as Python writes them, "|u1" and "(2, 28, 28)".
inline Bytes npy_file(const std::string& dtype, const std::string& shape, const Bytes& elements) {
  std::string dict =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", dtype, shape);
  dict.resize((dict.size() + 10) / 64 * 64 + 53, ' ');
  return Bytes("\x93NUMPY\1\0", 8) + low_first(dict.size() + 1, 2) + dict + "\n" + elements;
}
template <class T>
Bytes elements_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}
inline Bytes npy_images(const Dataset& data) {
  const bool grey = data.image.dim(0) == 1;
  const std::string sizes =
      fmt::format("{}, {}, {}", data.size(), data.image.dim(1), data.image.dim(2));
  return npy_file("|u1",
                  grey ? "(" + sizes + ")" : fmt::format("({}, {})", sizes, data.image.dim(0)),
                  channels_last(data));
}
inline Bytes npy_labels(const Dataset& data) {
  const std::vector<std::int64_t> labels(data.class_ids.begin(), data.class_ids.end());
  return npy_file("<i8", fmt::format("({},)", data.size()), elements_of(labels));
}

// Members of a zip archive by name, each deflated or stored.
inline Bytes zip_file(const std::vector<std::pair<std::string, Bytes>>& members, bool deflated) {
  Bytes archive, list;
  for (const auto& [name, bytes] : members) {
    Bytes packed = bytes;
    if (deflated) {
      uLongf size = compressBound(static_cast<uLong>(bytes.size()));
      packed.resize(size);
      compress(reinterpret_cast<Bytef*>(packed.data()), &size,
               reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uLong>(bytes.size()));
      packed = packed.substr(2, size - 6);  // without zlib's own head and check sum
    }
    const auto crc =
        crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()));
    const Bytes sizes = low_first(deflated ? 8 : 0, 2) + Bytes(4, '\0') + low_first(crc, 4) +
                        low_first(packed.size(), 4) + low_first(bytes.size(), 4) +
                        low_first(name.size(), 2) + Bytes(2, '\0');
    list += "PK\1\2" + low_first(20, 2) + low_first(20, 2) + Bytes(2, '\0') + sizes +
            Bytes(10, '\0') + low_first(archive.size(), 4) + name;
    archive += "PK\3\4" + low_first(20, 2) + Bytes(2, '\0') + sizes + name + packed;
  }
  return archive + list + "PK\5\6" + Bytes(4, '\0') + low_first(members.size(), 2) +
         low_first(members.size(), 2) + low_first(list.size(), 4) + low_first(archive.size(), 4) +
         Bytes(2, '\0');
}
inline Bytes npz_file(const TrainTest& sets, bool deflated) {
  return zip_file({{"x_train.npy", npy_images(sets.train)},
                   {"y_train.npy", npy_labels(sets.train)},
                   {"x_test.npy", npy_images(sets.test)},
                   {"y_test.npy", npy_labels(sets.test)}},
                  deflated);
}

// A label and pixels a line, with a line of names.
inline Bytes csv_file(const Dataset& data) {
  Bytes text = "label";
  for (Index p = 0; p < data.image.size(); ++p) text += fmt::format(",pixel{}", p);
  for (Index i = 0; i < data.size(); ++i) {
    text += fmt::format("\n{}", data.label_of(i));
    for (const char pixel : channels_last(data, i)) {
      text += fmt::format(",{}", static_cast<std::uint8_t>(pixel));
    }
  }
  return text + "\n";
}

// Pictures of one image.
inline Bytes png_of(const Dataset& data, Index i) {
  return png_file({.width = data.image.dim(2),
                   .height = data.image.dim(1),
                   .colours = data.image.dim(0) == 1 ? 0 : 2,
                   .rows = channels_last(data, i)});
}
inline Bytes pnm_of(const Dataset& data, Index i) {
  return fmt::format("P{}\n{} {}\n255\n", data.image.dim(0) == 1 ? 5 : 6, data.image.dim(2),
                     data.image.dim(1)) +
         channels_last(data, i);
}
inline Bytes jpeg_of(const Dataset& data, Index i, int quality) {
  Bytes pixels = channels_last(data, i);
  const auto channels = static_cast<int>(data.image.dim(0));
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &bytes, &size);
  jpeg.image_width = static_cast<JDIMENSION>(data.image.dim(2));
  jpeg.image_height = static_cast<JDIMENSION>(data.image.dim(1));
  jpeg.input_components = channels;
  jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, quality, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    auto* row = reinterpret_cast<JSAMPROW>(pixels.data()) + std::size_t{jpeg.next_scanline} *
                                                                jpeg.image_width *
                                                                static_cast<unsigned>(channels);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  const Bytes file(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  return file;
}

// Into the folder, PART/CLASS/00017.ENDING, the classes called by `names`.
using PictureOf = std::function<Bytes(const Dataset& data, Index i)>;
inline void write_pictures(const Folder& folder, const std::string& part, const Dataset& data,
                           const std::vector<std::string>& names, const std::string& ending,
                           const PictureOf& picture) {
  for (Index i = 0; i < data.size(); ++i) {
    const std::string inner =
        (part.empty() ? "" : part + "/") + names[static_cast<std::size_t>(data.label_of(i))];
    std::filesystem::create_directories(folder.file(inner));
    folder.write(fmt::format("{}/{:05}.{}", inner, i, ending), picture(data, i));
  }
}

// Records of CIFAR, with so many bytes of labels, of which the last is the class.
inline Bytes cifar_file(const Dataset& data, std::size_t labels) {
  Bytes bytes;
  for (Index i = 0; i < data.size(); ++i) {
    const auto pixels = data.pixels_of(i);
    bytes += Bytes(labels - 1, '\7') + static_cast<char>(data.label_of(i));
    bytes.append(pixels.begin(), pixels.end());
  }
  return bytes;
}

}  // namespace limbeck::testing
