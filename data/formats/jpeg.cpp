// JPEG pictures, by libjpeg-turbo.
#include <csetjmp>
#include <cstdio>

#include <jerror.h>
#include <jpeglib.h>

#include "data/formats/picture.h"

namespace limbeck::detail {
namespace {

// libjpeg reports an error by a function that must not return. It jumps back to where it was
// called; what is jumped over has no destructors, and what is allocated belongs to libjpeg or to
// callers of the functions that are jumped to.
struct Decoder {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  std::jmp_buf back{};
  char message[JMSG_LENGTH_MAX] = "";

  Decoder() {
    jpeg.err = jpeg_std_error(&errors);
    errors.error_exit = [](j_common_ptr common) { leave(common); };
    // A picture that is broken may still be shown. One to learn from is refused.
    errors.emit_message = [](j_common_ptr common, int level) {
      if (level < 0 && common->err->msg_code != JWRN_EXTRANEOUS_DATA) leave(common);
    };
    errors.output_message = [](j_common_ptr) {};
    jpeg.client_data = this;
  }
  ~Decoder() { jpeg_destroy_decompress(&jpeg); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  [[noreturn]] static void leave(j_common_ptr common) {
    auto* const self = static_cast<Decoder*>(common->client_data);
    common->err->format_message(common, self->message);
    std::longjmp(self->back, 1);
  }

  // Reads the head and begins. False: there is a message.
  bool begin(std::string_view bytes) {
    if (setjmp(back) != 0) return false;
    jpeg_create_decompress(&jpeg);
    jpeg.client_data = this;
    jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_read_header(&jpeg, TRUE);
    return true;
  }

  // All rows into `to`, which has room for them. False: there is a message.
  bool read(std::uint8_t* to) {
    if (setjmp(back) != 0) return false;
    jpeg_start_decompress(&jpeg);
    while (jpeg.output_scanline < jpeg.output_height) {
      JSAMPROW row = to + std::size_t{jpeg.output_scanline} * jpeg.output_width *
                              static_cast<unsigned>(jpeg.output_components);
      jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
    return true;
  }
};

}  // namespace

Picture read_jpeg(const PictureFile& file) {
  Decoder decoder;
  const auto refuse = [&] {
    file.refuse("not a JPEG picture that can be read: {}", decoder.message);
  };
  if (!decoder.begin(file.bytes)) refuse();
  jpeg_decompress_struct& jpeg = decoder.jpeg;
  Picture picture{.width = jpeg.image_width, .height = jpeg.image_height};
  file.check_size(picture.width, picture.height);
  if (jpeg.num_components != 1 && jpeg.num_components != 3) {
    file.refuse("a JPEG picture of {} components, for print: convert it to RGB",
                jpeg.num_components);
  }
  picture.channels = jpeg.num_components;
  jpeg.out_color_space = picture.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  picture.pixels.resize(
      static_cast<std::size_t>(picture.width * picture.height * picture.channels));
  if (!decoder.read(picture.pixels.data())) refuse();
  return picture;
}

}  // namespace limbeck::detail
