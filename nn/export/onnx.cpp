#include "nn/export/onnx.h"

#include "core/files/file.h"

namespace limbeck {

void export_onnx(Module& network, const Shape& image, const std::string& path,
                 const OnnxOptions& options) {
  Graph graph = record_graph(network, image);
  fold_batch_norm(graph);
  OnnxBuilder builder(graph);
  builder.add_ops(options.mappings);
  write_file("export_onnx", path, builder.file(path));
}

}  // namespace limbeck
