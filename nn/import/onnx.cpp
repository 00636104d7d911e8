#include "nn/import/onnx.h"

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/files/checksum.h"
#include "core/files/file.h"
#include "core/ops.h"
#include "core/random.h"
#include "core/storage.h"
#include "nn/import/onnx_program.h"

namespace limbeck {
namespace {

constexpr const char* op = "read_onnx";
constexpr std::size_t most_bytes = sizeof(real) << 30;  // of what is made while it is tried
constexpr Index most_pixels = Index{1} << 24;           // of an image

// The sizes that are not 1.
std::vector<Index> telling(const Shape& shape) {
  std::vector<Index> sizes;
  for (const Index size : shape) {
    if (size != 1) sizes.push_back(size);
  }
  return sizes;
}

std::string text_of(const imported::Port& port) {
  std::string text;
  for (const Index dim : port.dims) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ",
                        dim == imported::Port::open ? "?" : fmt::format("{}", dim));
  }
  return fmt::format("\"{}\" ({})", port.name, text);
}

// Noise where pixels are, the same each time.
Tensor noise(const Shape& image, Index n) {
  Rng rng(1);
  Tensor x = Tensor::empty(image.with_front(n));
  for (real& value : x.values()) value = static_cast<real>(rng.uniform(0, 1));
  return x;
}

// But for rounding, beside the largest of the numbers.
bool nearly_same(const Tensor& a, const Tensor& b) {
  double largest = 0;
  for (const real x : a.values()) largest = std::max<double>(largest, std::abs(x));
  return a.shape() == b.shape() &&
         std::ranges::equal(a.values(), b.values(), [largest](real x, real y) {
           return std::abs(static_cast<double>(x) - static_cast<double>(y)) <= 1e-4 * largest;
         });
}

// Each step of reading has a limit of its own, since what a step frees is not counted back.
imported::File decoded(std::string_view bytes, const std::string& name) {
  const MemoryLimit limit(most_bytes);
  return imported::decode_file(bytes, name);
}

std::unique_ptr<imported::Program> linked(const imported::File& file, const std::string& name,
                                          bool leave_out_softmax) {
  const MemoryLimit limit(most_bytes);
  return std::make_unique<imported::Program>(file, name, leave_out_softmax);
}

}  // namespace

OnnxNetwork::OnnxNetwork(std::string_view bytes, const std::string& name, const OnnxImport& options)
    : name_(name) {
  const NoGrad no_grad;
  Checksum checksum;
  checksum.add(std::span(bytes));
  checksum_ = checksum.str();
  try {
    const imported::File file = decoded(bytes, name);
    producer_ = fmt::format("{}{}operator set {}", file.producer, file.producer.empty() ? "" : ", ",
                            file.operator_set);
    for (const bool leave_out_softmax : {true, false}) {
      program_ = linked(file, name, leave_out_softmax);
      own_image_ = file_image(options.image);
      try_out();
      // Only where the classes are all of the answer is the softmax known to be over them.
      if (!program_->left_out_softmax() || answer_.rank() == 1) break;
    }
  } catch (const MemoryLimit::Exceeded& error) {
    fail(op, "{}: {}; export the network for one image, or for any number of them", name,
         error.what());
  } catch (const Error& error) {
    const std::string text = error.what();
    if (text.starts_with(op)) throw;
    fail(op, "{}: {}", name, text);
  }
  image_ = options.image.rank() > 0 && takes(options.image) ? options.image : own_image_;
}

OnnxNetwork::~OnnxNetwork() = default;
OnnxNetwork::OnnxNetwork(OnnxNetwork&&) noexcept = default;
OnnxNetwork& OnnxNetwork::operator=(OnnxNetwork&&) noexcept = default;

// The file's image; what it leaves open is as the other one has it.
Shape OnnxNetwork::file_image(const Shape& otherwise) const {
  const imported::Port& input = program_->input();
  if (input.type != 1 && input.type != 10 && input.type != 11) {
    fail(op, "{}: its input {} is not of floats", name_, text_of(input));
  }
  if (input.dims.size() < 2 || input.dims.size() > Shape::max_rank) {
    fail(op, "{}: its input {} should be a batch of images, (N, C, H, W), or of rows, (N, D)",
         name_, text_of(input));
  }
  const auto rank = static_cast<int>(input.dims.size()) - 1;
  Shape image;
  for (int i = rank; i > 0; --i) {
    Index size = input.dims[static_cast<std::size_t>(i)];
    const bool open = size == imported::Port::open;
    if (open && otherwise.rank() == rank) size = otherwise.dim(i - 1);
    if (open && rank == 1 && otherwise.rank() > 1) size = otherwise.size();
    if (size == imported::Port::open) {
      fail(op, "{}: its input {} leaves sizes open; say of what images: {{.image = {{1, 28, 28}}}}",
           name_, text_of(input));
    }
    if (size > most_pixels)
      fail(op, "{}: an image of {} is larger than any", name_, text_of(input));
    image = image.with_front(size);
  }
  if (image.size() > most_pixels || image.size() < 1) {
    fail(op, "{}: images of {} numbers; 1 to {} are taken", name_, image.size(), most_pixels);
  }
  return image;
}

bool OnnxNetwork::takes(const Shape& image) const {
  return telling(image) == telling(own_image_) ||
         (own_image_.rank() == 1 && image.size() == own_image_.size());
}

// Runs it on noise: what is wrong with it shows here, and whether the batch that it was written for
// counts.
void OnnxNetwork::try_out() {
  const Index fixed = program_->input().dims[0];
  const Index n = fixed == imported::Port::open ? 2 : fixed;
  if (n > 4096 || n * own_image_.size() > 4 * most_pixels) {
    fail(op, "{}: a batch of {}; export it for one image, or for any number", name_, n);
  }
  batch_ = fixed == imported::Port::open ? 0 : fixed;
  const auto tried = [this](const Tensor& x, bool asks) {
    const MemoryLimit limit(most_bytes);
    return run(x, asks);
  };
  const Tensor more = noise(own_image_, batch_ == 0 ? n : n + 2);
  const Tensor first = tried(slice_rows(more, 0, n), true);
  answer_ = first.shape().without_front();
  if (batch_ == 0) return;
  const Tensor last = tried(slice_rows(more, 2, n + 2), false);
  try {
    const Tensor all = tried(more, false);
    if (nearly_same(first, slice_rows(all, 0, n)) && nearly_same(last, slice_rows(all, 2, n + 2))) {
      batch_ = 0;
    }
  } catch (const Error&) {  // it does count
  }
}

Tensor OnnxNetwork::run(const Tensor& x, bool asks) const {
  Tensor y = program_->run(x, asks);
  if (y.shape().rank() < 1 || y.dim(0) != x.dim(0)) {
    fail("onnx", "{} gives {} for {} images; a row for each is needed", name_, y.shape(), x.dim(0));
  }
  // Maps of one pixel are numbers.
  if (y.shape().rank() > 2 && y.size() == y.dim(0) * y.dim(1)) {
    y = reshape(y, {y.dim(0), y.dim(1)});
  }
  return y;
}

// By batches of the size that the file was written for; the last is filled up.
Tensor OnnxNetwork::in_batches(const Tensor& x) const {
  std::vector<Tensor> answers;
  for (Index begin = 0; begin < x.dim(0); begin += batch_) {
    const Index count = std::min(batch_, x.dim(0) - begin);
    Tensor batch = slice_rows(x, begin, begin + count);
    if (count < batch_) {
      batch = concat_rows({batch, Tensor::zeros(own_image_.with_front(batch_ - count))});
    }
    answers.push_back(slice_rows(run(batch), 0, count));
  }
  return concat_rows(answers);
}

Tensor OnnxNetwork::forward(const Tensor& x) {
  const NoGrad no_grad;
  const bool has_rows = x.shape().rank() > 0;
  if (!has_rows || !takes(x.shape().without_front())) {
    fail("onnx", "{} takes images of {}; got {}", name_, own_image_, x.shape());
  }
  const Shape shape = own_image_.with_front(x.dim(0));
  if (x.shape() != shape) return forward(reshape(x, shape));
  return batch_ == 0 || x.dim(0) == 0 ? run(x) : in_batches(x);
}

void OnnxNetwork::parts(Parts& parts) {
  for (const imported::Program::Weight& weight : program_->weights()) {
    if (weight.statistics) {
      parts.buffer(weight.named.name, weight.named.tensor);
    } else {
      parts(weight.named.name, weight.named.tensor);
    }
  }
}

std::string OnnxNetwork::describe() const {
  Index nodes = 0;
  for (const auto& [type, count] : program_->operators()) nodes += count;
  return fmt::format("OnnxNetwork({} nodes, {})", nodes, checksum_);
}

std::string OnnxNetwork::about() const {
  std::string nodes;
  for (const auto& [type, count] : program_->operators()) {
    nodes += fmt::format("{}{} {}", nodes.empty() ? "" : ", ", count, type);
  }
  return fmt::format("{}: {} → {}; {}{}", producer_, image_, answer_, nodes,
                     program_->left_out_softmax() ? "; a softmax at the end is left out" : "");
}

OnnxNetwork read_onnx(const std::string& path, const OnnxImport& options) {
  FileReader file(op, path);
  constexpr std::uintmax_t most = std::uintmax_t{1} << 31;
  if (file.left() > most) file.refuse("over 2 GiB, ONNX's limit for a file");
  const std::string bytes = file.read_text(static_cast<std::size_t>(file.left()));
  return {bytes, path, options};
}

}  // namespace limbeck
