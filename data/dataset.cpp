#include "data/dataset.h"

#include <algorithm>

#include "core/error.h"
#include "core/files/checksum.h"

namespace limbeck {

Index Dataset::size() const {
  if (!class_ids.empty() || image.size() == 0) return static_cast<Index>(class_ids.size());
  return static_cast<Index>(pixels.size()) / image.size();
}

std::int32_t Dataset::label_of(Index i) const {
  if (i < 0 || i >= size()) fail("Dataset", "image {} asked of {}", i, size());
  return class_ids.empty() ? -1 : class_ids[static_cast<std::size_t>(i)];
}

std::span<const std::uint8_t> Dataset::pixels_of(Index i) const& {
  if (i < 0 || i >= size()) fail("Dataset", "image {} asked of {}", i, size());
  const auto one = static_cast<std::size_t>(image.size());
  return std::span(pixels).subspan(static_cast<std::size_t>(i) * one, one);
}

Dataset Dataset::select(std::span<const Index> indices) const {
  Dataset chosen{
      .image = image, .classes = classes, .pixels = {}, .class_ids = {}, .channels = channels};
  chosen.pixels.reserve(indices.size() * static_cast<std::size_t>(image.size()));
  chosen.class_ids.reserve(indices.size());
  for (Index i : indices) {
    const auto bytes = pixels_of(i);
    chosen.pixels.insert(chosen.pixels.end(), bytes.begin(), bytes.end());
    if (!class_ids.empty()) chosen.class_ids.push_back(label_of(i));
  }
  return chosen;
}

Dataset Dataset::sample(Index n, Rng& rng) const {
  if (n < 1 || n > size()) fail("Dataset", "{} images asked of {}", n, size());
  const std::vector<Index> order = rng.permutation(size());
  return select(std::span(order).first(static_cast<std::size_t>(n)));
}

void Dataset::check(const char* op) const {
  if (static_cast<Index>(pixels.size()) != size() * image.size()) {
    fail(op, "the dataset has {} pixels; {} images of {} have {}", pixels.size(), size(), image,
         size() * image.size());
  }
  const auto wrong =
      std::ranges::find_if(class_ids, [&](auto c) { return c < -1 || c >= classes; });
  if (wrong != class_ids.end()) {
    fail(op, "the dataset's label {} of image {} is none of {} classes", *wrong,
         wrong - class_ids.begin(), classes);
  }
}

void Dataset::check_labelled(const char* op) const {
  for (Index i = 0; i < size(); ++i) {
    if (label_of(i) < 0) fail(op, "image {} of {} has no label", i, size());
  }
}

std::string Dataset::checksum() const {
  Checksum sum;
  sum.add(std::span(image.begin(), image.end()));
  sum.add(std::span(&classes, 1));
  sum.add(std::span(pixels));
  sum.add(std::span(class_ids));
  return sum.str();
}

Batch make_batch(const Dataset& data, std::span<const Index> indices) {
  Batch batch{.images = Tensor::empty(data.image.with_front(static_cast<Index>(indices.size()))),
              .class_ids = {},
              .indices = {indices.begin(), indices.end()}};
  batch.class_ids.reserve(indices.size());
  real* out = batch.images.data();
  for (Index i : indices) {
    for (std::uint8_t byte : data.pixels_of(i)) *out++ = static_cast<real>(byte) / 255;
    batch.class_ids.push_back(data.label_of(i));
  }
  return batch;
}

}  // namespace limbeck
