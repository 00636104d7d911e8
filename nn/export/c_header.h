// A trained network as one C99 header: a student to put anywhere a C compiler is.
//
// The file needs <stdint.h> and no library, allocates nothing, and is written to be read: a small
// function for each kind of layer, tables of weights, and
//   static inline void NAME_predict(const float *image, float *logits);
// as a list of calls. Everything in it is static, and its names begin with NAME_: several such
// headers go into one C file, and one into several. Its head tells how to call it, how large it is
// and what it computes.
#pragma once

#include <string>

#include "nn/export/quantized_network.h"
#include "nn/module.h"

namespace limbeck {

// NAME, from a file's name: its letters, digits and underscores, and one underscore for a run of
// anything else, none at either end: "out/my-student.h" → "my_student". Where that begins with a
// digit, net_ goes before it: "784-32.h" → "net_784_32".
// Error: nothing is left.
std::string c_name(const std::string& path);

// What the head of the file tells beside sizes.
struct CRemarks {
  std::string network{};  // what it is: "mlp:32"
  std::string errors{};   // how well it does: "97 errors of 10,000 test images"
};

// Any network of the layers that c_layers (nn/export/c_layers.h) knows, residual ones among them,
// in floats, as it computes in evaluation mode but for the order of sums; for images of this shape,
// (C, H, W) or another. Weights are printed so that they come back to the bit. It goes into a file
// after which it is named, by write_file (core/files/file.h).
// Error: that of c_layers, of c_name and of write_file.
void export_c(Module& network, const Shape& image, const std::string& path,
              const CRemarks& remarks = {});
// In integers, to the bit as QuantizedNetwork computes:
//   export_c_int8(QuantizedNetwork(quantize(network, images)), "student.h");
void export_c_int8(const QuantizedNetwork& network, const std::string& path,
                   const CRemarks& remarks = {});

// The text of such a file, under this name.
std::string c_header(const std::string& name, Module& network, const Shape& image,
                     const CRemarks& remarks);
std::string c_header(const std::string& name, const QuantizedNetwork& network,
                     const CRemarks& remarks);

}  // namespace limbeck
