// A network from an ONNX file, which any framework may have written: to be asked, as a teacher say.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "nn/module.h"

namespace limbeck {

namespace imported {
class Program;
}

// What a file may leave open.
struct OnnxImport {
  Shape image{};  // (C, H, W) of the images, without N, where the file does not say it
};

// The graph of an ONNX file, run node by node by ops of the library. For inference: it is the same
// in training mode, and its answer is a constant to gradients.
//   forward   images (N, …) → what the file's first output gives, (N, C) of a classifier; there a
//             softmax over C at the end is left out, so that these are logits. Images whose sizes
//             differ from the file's by ones only, or that it takes as rows, are reshaped.
// Parameters have the file's names; those of batch norm's statistics are buffers. In a file that
// fixes the batch, N is free where that changes no answer, and else images go through in batches of
// that size.
class OnnxNetwork : public Module {
 public:
  // Of the bytes of a file, by a name for its errors. Error: as read_onnx.
  OnnxNetwork(std::string_view bytes, const std::string& name, const OnnxImport& options = {});
  ~OnnxNetwork() override;
  OnnxNetwork(OnnxNetwork&&) noexcept;
  OnnxNetwork& operator=(OnnxNetwork&&) noexcept;

  // The shape of an image, without N: that of the options where it takes them, else the file's.
  const Shape& image() const { return image_; }
  // Whether it takes images of this shape, as they are or reshaped.
  bool takes(const Shape& image) const;
  // The shape of its answer to one image, and C where that is (C), else 0.
  const Shape& answer() const { return answer_; }
  Index classes() const { return answer_.rank() == 1 ? answer_.dim(0) : 0; }
  // "pytorch 1.13.1, operator set 13: (1, 28, 28) → (10); 2 Conv, 1 Gemm; a softmax at the end is
  // left out"
  std::string about() const;
  // "OnnxNetwork(12 nodes, 1c291ca3)", with a checksum of the file, by which a checkpoint of a
  // training knows its teacher.
  std::string describe() const override;

 protected:
  Tensor forward(const Tensor& x) override;
  void parts(Parts& parts) override;

 private:
  Tensor run(const Tensor& x, bool asks = false) const;
  Tensor in_batches(const Tensor& x) const;
  Shape file_image(const Shape& otherwise) const;
  void try_out();

  std::unique_ptr<imported::Program> program_;
  std::string name_, producer_, checksum_;
  Shape image_, own_image_;  // own: as the file has it
  Index batch_ = 0;          // of the file, where that counts; else 0
  Shape answer_;
};

// Reads a model that onnx, torch.onnx.export, export_onnx (nn/export/onnx.h) or another program has
// written: operator sets 7 to 21, one input of floats, the batch first, images as (N, C, H, W).
// nn/import/README.md lists the operators. Nothing in the file is run but these. It is tried on
// images of noise before it is given.
//
//   OnnxNetwork teacher = read_onnx("teacher.onnx");
//   Distiller(teacher, student, {.temperature = 4}).fit(train, {.epochs = 20});
//
// Error, with the path and the node: a file that is missing, damaged or of another format;
// operators that are not known, all of them at once; sizes that the file leaves open and the
// options do not say; shapes that do not fit; a step of the reading, or a run on two images or the
// batch that the file fixes, that makes more than 4 GiB of tensors of floats.
OnnxNetwork read_onnx(const std::string& path, const OnnxImport& options = {});

}  // namespace limbeck
