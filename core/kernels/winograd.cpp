// Convolution by Winograd's transform, forward and backward (core/kernels/winograd_transform.h).
//
// Inside, images have their channels last and padded to whole vectors, so that every transform
// works on eight channels at once and every point's product reads rows. The stages for a group of
// images, with T tiles of 4 × 4 outputs and n² points:
//
//   U = G g Gᵀ      (n², C_in, C_out)     of the weights, once for all images
//   V = Bᵀ d B      (n², T, C_in)         of the input
//   M = V U         (n², T, C_out)        a product for each point
//   z = Aᵀ M A      4 × 4 outputs a tile; with bias, relu and pooling while it is in registers
//
// Each stage is linear, so the way back is the same with every matrix transposed:
//
//   dM = A dz Aᵀ    dU = Vᵀ dM    dV = dM Uᵀ    dd = B dV Bᵀ, added where tiles overlap
//   dg = Gᵀ dU G
#include "core/kernels/winograd_transform.h"

#include <algorithm>
#include <vector>

#include "core/kernels/channels_last.h"
#include "core/kernels/conv_kernels.h"
#include "core/kernels/small_product.h"
#include "core/parallel.h"
#include "core/scratch.h"

namespace limbeck {
namespace {

constexpr Index side = 4;  // of a tile of outputs

// Eight weights' transforms that are worth a thread: some 10 µs.
constexpr Index transform_grain = 64;

// Sizes in tiles and vectors.
template <int taps>
struct Layout {
  static constexpr Index n = Winograd<taps>::n;
  static constexpr Index points = n * n;

  Index in, out;                         // channels, in whole vectors
  Index tile_rows, tile_columns, tiles;  // of one image
  Index height, width;                   // of an image with its padding, to the last tile's end
  Index group;                           // images at once: enough tiles to keep products busy
  explicit Layout(const ConvSizes& s)
      : in(whole_vectors(s.in)),
        out(whole_vectors(s.out)),
        tile_rows((s.conv_height + side - 1) / side),
        tile_columns((s.conv_width + side - 1) / side),
        tiles(tile_rows * tile_columns),
        height(side * tile_rows + taps - 1),
        width(side * tile_columns + taps - 1),
        group((tiles_at_once + tiles - 1) / tiles) {}

  static constexpr Index tiles_at_once = 16;

  PixelLayout input(const ConvSizes& s) const { return {s.in, s.height, s.width, width * in, in}; }
  Index image() const { return height * width * in; }  // elements of a padded image
  Index inside(const ConvSizes& s) const {             // where its first pixel is
    return (s.window.padding.height * width + s.window.padding.width) * in;
  }
  // Where tile t of a group begins in its padded images.
  Index tile_start(Index t) const {
    const Index within = t % tiles;
    const Index row = side * (within / tile_columns), column = side * (within % tile_columns);
    return t / tiles * image() + (row * width + column) * in;
  }
  // And in their results, of tiles of out_side × out_side.
  Index output_start(Index t, Index out_side) const {
    const Index within = t % tiles, row = tile_columns * out_side * out;
    return (t / tiles * tile_rows + within / tile_columns) * out_side * row +
           within % tile_columns * out_side * out;
  }
  Tile<const real> image_tile(const real* images, Index t, Index channel) const {
    return {images + tile_start(t) + channel, width * in, in};
  }
  // Tile t of V, M or their gradients (points, count, channels).
  template <class Real>
  Tile<Real> point_tile(Real* v, Index t, Index count, Index channels, Index channel) const {
    return {v + t * channels + channel, n * count * channels, count * channels};
  }
};

// u[point, a, b] = (G g Gᵀ)[point] for the taps g of each pair of channels, where the taps of (a,
// b) begin at a · a_step + b · b_step. b goes up to b_count, and vectors of it are filled with 0.
template <int taps>
void transform_weights(real* u, const real* weight, Index a_count, Index a_step, Index b_count,
                       Index b_step) {
  constexpr Index n = Winograd<taps>::n;
  const Index columns = whole_vectors(b_count);
  const Index rows = whole_vectors(a_count);
  const Index vectors = columns / lanes;
  parallel_for(a_count * vectors, transform_grain, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Index a = i / vectors, b = i % vectors * lanes;
      real g[taps * taps * lanes] = {};
      for (Index l = 0; l < std::min(lanes, b_count - b); ++l) {
        const real* const from = weight + a * a_step + (b + l) * b_step;
        for (Index k = 0; k < taps * taps; ++k) g[k * lanes + l] = from[k];
      }
      transform_2d<Winograd<taps>::g>({u + a * columns + b, n * rows * columns, rows * columns},
                                      {g, taps * lanes, lanes});
    }
  });
}

// A tile of 4 × 4 vectors of outputs, of which bias, relu and pooling make what is stored.
struct Finish {
  bool relu, pools, argmax;

  // Writes to y, channels last, `row` and `pixel` apart; y's own tile begins at (0, 0).
  void operator()(real* y, real* place, const real* z, Vector bias, Index row, Index pixel) const {
    if (!pools) {
      const Vector zero{};
      for (Index i = 0; i < side; ++i) {
        for (Index j = 0; j < side; ++j) {
          const Vector v = load(z + (i * side + j) * lanes) + bias;
          store(y + i * row + j * pixel, relu ? (v < zero ? zero : v) : v);
        }
      }
      return;
    }
    for (Index i = 0; i < side / 2; ++i) {
      for (Index j = 0; j < side / 2; ++j) {
        const real* const block = z + (2 * i * side + 2 * j) * lanes;
        Vector largest = load(block) + bias, where{};
        const auto meet = [&](const real* p, real here) {
          const Vector v = load(p) + bias;
          const auto wins = (v > largest) | (v != v);  // NaN always does, to be noticed
          where = wins ? splat(here) : where;
          largest = wins ? v : largest;
        };
        meet(block + lanes, 1);
        meet(block + side * lanes, 2);
        meet(block + (side + 1) * lanes, 3);
        const Vector zero{};
        store(y + i * row + j * pixel, largest < zero ? zero : largest);
        if (argmax) store(place + i * row + j * pixel, where);
      }
    }
  }
};

// The stages, for `count` images with T = `tiles` tiles in all, on one thread.

// V = Bᵀ d B; `images` are padded with 0, and get the pixels of x.
template <int taps>
void transform_input(real* v, real* images, const real* x, Index count, const Layout<taps>& at,
                     const ConvSizes& s) {
  const Index tiles = count * at.tiles;
  for (Index i = 0; i < count; ++i) {
    channels_last(images + i * at.image() + at.inside(s), x + i * s.in * s.height * s.width,
                  at.input(s));
  }
  for (Index t = 0; t < tiles; ++t) {
    for (Index c = 0; c < at.in; c += lanes) {
      transform_2d<Winograd<taps>::b_transposed>(at.point_tile(v, t, tiles, at.in, c),
                                                 at.image_tile(images, t, c));
    }
  }
}

// z = Aᵀ M A for the `columns` channels of M (n², T, columns), which are those from o on, and what
// follows: into y and argmax, channels last.
template <int taps>
void transform_output(real* y, real* argmax, const real* m, const real* bias, Index o,
                      Index columns, Index tiles, const Layout<taps>& at, const Finish& finish) {
  const Index out_side = finish.pools ? side / 2 : side;  // of a tile of y
  const Index row = at.tile_columns * out_side * at.out;
  for (Index t = 0; t < tiles; ++t) {
    const Index start = at.output_start(t, out_side) + o;
    for (Index c = 0; c < columns; c += lanes) {
      real z[side * side * lanes];
      transform_2d<Winograd<taps>::a_transposed>({z, side * lanes, lanes},
                                                 at.point_tile(m, t, tiles, columns, c));
      finish(y + start + c, finish.argmax ? argmax + start + c : nullptr, z, load(bias + o + c),
             row, at.out);
    }
  }
}

// dM = A dz Aᵀ, of dz with its channels last.
template <int taps>
void transform_output_gradient(real* dm, const real* dz, Index tiles, const Layout<taps>& at) {
  const Index row = at.tile_columns * side * at.out;
  for (Index t = 0; t < tiles; ++t) {
    const real* const tile = dz + at.output_start(t, side);
    for (Index c = 0; c < at.out; c += lanes) {
      transform_2d<Winograd<taps>::a>(at.point_tile(dm, t, tiles, at.out, c),
                                      {tile + c, row, at.out});
    }
  }
}

// dd = B dV Bᵀ, added up in `images`, and its pixels to dx.
template <int taps>
void transform_input_gradient(real* dx, real* images, const real* dv, Index count,
                              const Layout<taps>& at, const ConvSizes& s) {
  using W = Winograd<taps>;
  const Index tiles = count * at.tiles;
  std::fill_n(images, count * at.image(), real{0});
  for (Index t = 0; t < tiles; ++t) {
    for (Index c = 0; c < at.in; c += lanes) {
      real dd[W::n * W::n * lanes];
      constexpr Index row = Index{W::n} * lanes;
      transform_2d<W::b>({dd, row, lanes}, at.point_tile(dv, t, tiles, at.in, c));
      real* const to = images + at.tile_start(t) + c;
      for (Index i = 0; i < at.n; ++i) {
        for (Index j = 0; j < at.n; ++j) {
          real* const pixel = to + (i * at.width + j) * at.in;
          store(pixel, load(pixel) + load(dd + i * row + j * lanes));
        }
      }
    }
  }
  for (Index i = 0; i < count; ++i) {
    channels_first(dx + i * s.in * s.height * s.width, images + i * at.image() + at.inside(s),
                   at.input(s));
  }
}

// dg = Gᵀ dU G, of dU (n², C_in, C_out), the sum of the parts' in their order.
template <int taps>
void transform_weight_gradient(real* dweight, std::vector<Scratch<real>>& dus,
                               const Layout<taps>& at, const ConvSizes& s) {
  const Index vectors = at.out / lanes, point = at.in * at.out;
  const Index grain = transform_grain / static_cast<Index>(dus.size()) + 1;
  real* const du = dus[0].data();
  parallel_for(s.in * vectors, grain, [&, du](Index begin, Index end) {
    for (std::size_t part = 1; part < dus.size(); ++part) {
      const real* const more = dus[part].data();
      for (Index p = 0; p < at.points; ++p) {  // (elements that follow one another, from i · lanes)
        for (Index i = p * point + begin * lanes; i < p * point + end * lanes; ++i)
          du[i] += more[i];
      }
    }
    for (Index i = begin; i < end; ++i) {
      const Index c = i / vectors, o = i % vectors * lanes;
      real g[taps * taps * lanes];
      transform_2d<Winograd<taps>::g_transposed>({g, taps * lanes, lanes},
                                                 {du + c * at.out + o, at.n * point, point});
      for (Index l = 0; l < std::min(lanes, s.out - o); ++l) {
        real* const to = dweight + ((o + l) * s.in + c) * taps * taps;
        for (Index k = 0; k < taps * taps; ++k) to[k] = g[k * lanes + l];
      }
    }
  });
}

template <int taps>
void forward(const ConvForward& f, const ConvSizes& s) {
  const Layout<taps> at(s);
  const Index u_size = at.points * at.in * at.out;
  Scratch<real> u = s.in == at.in ? Scratch<real>(u_size) : Scratch<real>::zeros(u_size);
  transform_weights<taps>(u.data(), f.weight, s.in, taps * taps, s.out, s.in * taps * taps);
  auto bias = Scratch<real>::zeros(at.out);
  if (f.bias != nullptr) std::copy_n(f.bias, s.out, bias.data());
  const Finish finish{s.relu, s.pools, f.argmax != nullptr};
  const Index out_side = s.pools ? side / 2 : side;
  const Index out_pixels = s.out_height() * s.out_width();
  const Index y_image = at.output_start(at.tiles, out_side);
  const PixelLayout output{s.out, s.out_height(), s.out_width(),
                           at.tile_columns * out_side * at.out, at.out};

  parallel_for(s.images, 1, [&](Index begin, Index end) {
    const Index most = std::min(at.group, end - begin);
    auto images = Scratch<real>::zeros(most * at.image());
    Scratch<real> v(at.points * most * at.tiles * at.in);
    Scratch<real> m(at.points * most * at.tiles * 4 * lanes);
    Scratch<real> y(most * y_image), argmax(finish.argmax ? most * y_image : 0);
    for (Index first = begin; first < end; first += most) {
      const Index count = std::min(most, end - first), tiles = count * at.tiles;
      transform_input(v.data(), images.data(), f.x + first * s.in * s.height * s.width, count, at,
                      s);
      for (Index o = 0; o < at.out; o += 4 * lanes) {  // so that M stays in cache
        const Index columns = std::min(4 * lanes, at.out - o);
        for (Index p = 0; p < at.points; ++p) {  // (T, C_in) (C_in, columns) → (T, columns)
          small_product(m.data() + p * tiles * columns, v.data() + p * tiles * at.in,
                        u.data() + p * at.in * at.out + o,
                        {.rows = tiles,
                         .columns = columns,
                         .depth = at.in,
                         .c_row = columns,
                         .a_row = at.in,
                         .a_depth = 1,
                         .b_row = at.out});
        }
        transform_output(y.data(), argmax.data(), m.data(), bias.data(), o, columns, tiles, at,
                         finish);
      }
      for (Index i = 0; i < count; ++i) {
        const Index to = (first + i) * s.out * out_pixels;
        channels_first(f.y + to, y.data() + i * y_image, output);
        if (finish.argmax) channels_first(f.argmax + to, argmax.data() + i * y_image, output);
      }
    }
  });
}

template <int taps>
void backward(const ConvBackward& b, const ConvSizes& s) {
  const Layout<taps> at(s);
  Scratch<real> u;  // with the roles of the channels swapped: (points, C_out, C_in)
  if (b.dx != nullptr) {
    const Index u_size = at.points * at.out * at.in;
    u = s.out == at.out ? Scratch<real>(u_size) : Scratch<real>::zeros(u_size);
    transform_weights<taps>(u.data(), b.weight, s.out, s.in * taps * taps, s.in, taps * taps);
  }
  const Index dz_row = at.tile_columns * side * at.out;
  const Index dz_image = at.output_start(at.tiles, side);
  PartSums sums(s, b.dweight != nullptr ? at.points * at.in * at.out : 0);
  parallel_parts(s.images, 1, [&](Index part, Index begin, Index end) {
    const Index most = std::min(2 * at.group, end - begin);
    auto images = Scratch<real>::zeros(most * at.image());
    Scratch<real> dimages(b.dx != nullptr ? most * at.image() : 0);
    Scratch<real> v(at.points * most * at.tiles * at.in);
    Scratch<real> dm(at.points * most * at.tiles * at.out);
    auto dz = Scratch<real>::zeros(most * dz_image);
    sums.clear(part);
    Scratch<real>& du = sums.dweight[static_cast<std::size_t>(part)];
    Scratch<double>& dbias = sums.dbias[static_cast<std::size_t>(part)];
    for (Index first = begin; first < end; first += most) {
      const Index count = std::min(most, end - first), tiles = count * at.tiles;
      const Index image = first * s.in * s.height * s.width;
      if (s.pools) std::ranges::fill(dz.values(), real{0});
      for (Index i = 0; i < count; ++i) {
        conv_output_gradient(dz.data() + i * dz_image, dbias.data(), b, s, first + i,
                             {.channel = 1, .row = dz_row, .pixel = at.out});
      }
      if (b.dweight != nullptr) {
        transform_input(v.data(), images.data(), b.x + image, count, at, s);
      }
      transform_output_gradient(dm.data(), dz.data(), tiles, at);
      for (Index p = 0; p < at.points; ++p) {
        real* const v_point = v.data() + p * tiles * at.in;
        const real* const dm_point = dm.data() + p * tiles * at.out;
        if (b.dweight != nullptr) {
          small_product(du.data() + p * at.in * at.out, v_point, dm_point,  // Vᵀ dM
                        {.rows = at.in,
                         .columns = at.out,
                         .depth = tiles,
                         .c_row = at.out,
                         .a_row = 1,
                         .a_depth = at.in,
                         .b_row = at.out,
                         .accumulate = true});
        }
        if (b.dx != nullptr) {  // dV = dM Uᵀ takes V's place, which has done its work
          small_product(v_point, dm_point, u.data() + p * at.out * at.in,
                        {.rows = tiles,
                         .columns = at.in,
                         .depth = at.out,
                         .c_row = at.in,
                         .a_row = at.out,
                         .a_depth = 1,
                         .b_row = at.in});
        }
      }
      if (b.dx != nullptr) {
        transform_input_gradient(b.dx + image, dimages.data(), v.data(), count, at, s);
      }
    }
  });
  if (b.dbias != nullptr) sums.write_dbias(b.dbias);
  if (b.dweight != nullptr) transform_weight_gradient(b.dweight, sums.dweight, at, s);
}

}  // namespace

void winograd_forward(const ConvForward& f, const ConvSizes& s) {
  s.window.kernel.height == 3 ? forward<3>(f, s) : forward<5>(f, s);
}

void winograd_backward(const ConvBackward& b, const ConvSizes& s) {
  s.window.kernel.height == 3 ? backward<3>(b, s) : backward<5>(b, s);
}

}  // namespace limbeck
