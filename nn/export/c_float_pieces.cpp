// The exported functions that compute with floats.
#include "nn/export/c_pieces.h"

namespace limbeck {
namespace {

constexpr std::string_view linear = R"(
// y = weight x + bias, weight (outs, ins).
static inline void NAME_linear(float *y, const float *x, const float *weight, const float *bias,
        int32_t ins, int32_t outs)
{
    for (int32_t o = 0; o < outs; ++o, weight += ins) {
        float sum = bias[o];
        for (int32_t i = 0; i < ins; ++i)
            sum += weight[i] * x[i];
        y[o] = sum;
    }
}
)";

constexpr std::string_view conv2d = R"(
// The weights of a filter times the values of x that they lie on, summed; beyond its edge x is 0.
static inline float NAME_filter(const float *x, const float *weight, const struct NAME_window *w,
        int32_t row, int32_t column)
{
    const struct NAME_part part = NAME_part_within(w, row, column);
    float sum = 0;
    for (int32_t c = 0; c < w->channels / w->groups; ++c) {
        for (int32_t i = part.top; i < part.bottom; ++i)
            for (int32_t j = part.left; j < part.right; ++j)
                sum += weight[i * w->kernel_width + j] * x[(row + i) * w->width + column + j];
        weight += w->kernel_height * w->kernel_width;
        x += w->height * w->width;
    }
    return sum;
}

// y = x convolved with weight, + bias;
// weight (out_channels, channels / groups, kernel_height, kernel_width).
static inline void NAME_conv2d(float *y, const float *x, const float *weight, const float *bias,
        const struct NAME_window *w)
{
    const int32_t group_ins = w->channels / w->groups, group_outs = w->out_channels / w->groups;
    for (int32_t o = 0; o < w->out_channels; ++o) {
        const float *group = x + o / group_outs * group_ins * w->height * w->width;
        for (int32_t i = 0; i < w->out_height; ++i)
            for (int32_t j = 0; j < w->out_width; ++j) {
                const int32_t row = i * w->stride_height - w->padding_height;
                const int32_t column = j * w->stride_width - w->padding_width;
                *y++ = bias[o] + NAME_filter(group, weight, w, row, column);
            }
        weight += group_ins * w->kernel_height * w->kernel_width;
    }
}
)";

constexpr std::string_view avg_pool = R"(
// y = the mean of each window; beyond its edge x is 0.
static inline void NAME_avg_pool(float *y, const float *x, const struct NAME_window *w)
{
    for (int32_t c = 0; c < w->channels; ++c, x += w->height * w->width) {
        for (int32_t o = 0; o < w->out_height * w->out_width; ++o) {
            const int32_t row = o / w->out_width * w->stride_height - w->padding_height;
            const int32_t column = o % w->out_width * w->stride_width - w->padding_width;
            const struct NAME_part part = NAME_part_within(w, row, column);
            float sum = 0;
            for (int32_t i = part.top; i < part.bottom; ++i)
                for (int32_t j = part.left; j < part.right; ++j)
                    sum += x[(row + i) * w->width + column + j];
            *y++ = sum / (float)(w->kernel_height * w->kernel_width);
        }
    }
}
)";

constexpr std::string_view relu = R"(
// y = max(x, 0); y may be x.
static inline void NAME_relu(float *y, const float *x, int32_t size)
{
    for (int32_t i = 0; i < size; ++i)
        y[i] = x[i] > 0 ? x[i] : 0;
}
)";

constexpr std::string_view sum = R"(
// y = a + b; y may be either.
static inline void NAME_add(float *y, const float *a, const float *b, int32_t size)
{
    for (int32_t i = 0; i < size; ++i)
        y[i] = a[i] + b[i];
}
)";

}  // namespace

std::vector<CPiece> float_pieces() {
  return {{{"linear"}, "", linear},
          {{"conv2d"}, "", conv2d},
          {{"avg_pool"}, "", avg_pool},
          {{"relu"}, "", relu},
          {{"add"}, "", sum}};
}

}  // namespace limbeck
