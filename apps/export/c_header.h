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

#include "apps/export/quantized_network.h"
#include "nn/sequential.h"

namespace limbeck {

// NAME, from a file's name: its letters, digits and underscores, and one underscore for a run of
// anything else, none at either end: "out/my-student.h" → "my_student". Where that begins with a
// digit, net_ goes before it: "784-32.h" → "net_784_32".
// Error: nothing is left.
std::string c_name(const std::string& path);

// What the head of the file tells beside sizes.
struct CRemarks {
  std::string network;   // what it is: "mlp:32"
  std::string errors{};  // how well it does: "97 errors of 10,000 test images"
};

// In floats, as the network computes in evaluation mode but for the order of sums. Weights are
// printed so that they come back to the bit. Error: that of c_layers (apps/export/c_layers.h).
std::string c_header(const std::string& name, Sequential& network, const Shape& image,
                     const CRemarks& remarks);
// In integers, to the bit as QuantizedNetwork computes.
std::string c_header(const std::string& name, const QuantizedNetwork& network,
                     const CRemarks& remarks);

// The same, put into a file after which they are named, by write_file (core/files/file.h). Error:
// also that of c_name, and of write_file.
void write_c_header(const std::string& path, Sequential& network, const Shape& image,
                    const CRemarks& remarks);
void write_c_header(const std::string& path, const QuantizedNetwork& network,
                    const CRemarks& remarks);

}  // namespace limbeck
