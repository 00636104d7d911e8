// The students' forward pass: plain layers, as nn/export/plain_layers.h has them, for one image.
'use strict';

limbeck.model = (() => {
  const {floatsOf} = limbeck.base;
  const product = (dims) => dims.reduce((a, b) => a * b, 1);

  function linear(layer, x) {
    const y = new Float32Array(layer.out[0]);
    const inputs = x.length;
    for (let o = 0; o < y.length; ++o) {
      let sum = layer.bias[o];
      for (let i = 0; i < inputs; ++i) sum += layer.weight[o * inputs + i] * x[i];
      y[o] = sum;
    }
    return y;
  }

  // Calls visit(place in the plane) for what the window of a pooling at output (row, column) sees of
  // the image, which leaves its padding out.
  function inWindow({in: [, height, width], kernel, stride, padding}, row, column, visit) {
    for (let ky = 0; ky < kernel[0]; ++ky) {
      const y = row * stride[0] - padding[0] + ky;
      if (y < 0 || y >= height) continue;
      for (let kx = 0; kx < kernel[1]; ++kx) {
        const x = column * stride[1] - padding[1] + kx;
        if (x >= 0 && x < width) visit(y * width + x);
      }
    }
  }

  // y = value(channel, row, column) everywhere: (C, H, W)
  function planes([channels, height, width], value) {
    const y = new Float32Array(channels * height * width);
    let at = 0;
    for (let c = 0; c < channels; ++c) {
      for (let row = 0; row < height; ++row) {
        for (let column = 0; column < width; ++column) y[at++] = value(c, row, column);
      }
    }
    return y;
  }

  // The outputs [begin, end) along an axis whose window has the image k pixels after its begin.
  function onImage(size, outputs, stride, padding, k) {
    const begin = Math.max(0, Math.ceil((padding - k) / stride));
    return [begin, Math.min(outputs, Math.floor((size - 1 + padding - k) / stride) + 1)];
  }

  // Adds to a plane of outputs what one weight, ky rows and kx columns into the window, gives for a
  // plane of inputs. The inner loop runs along a row: a drawing is classified while it is drawn.
  function addWeighted(y, x, weight, layer, ky, kx) {
    const [, height, width] = layer.in;
    const [, outHeight, outWidth] = layer.out;
    const [sy, sx] = layer.stride, [py, px] = layer.padding;
    const [top, bottom] = onImage(height, outHeight, sy, py, ky);
    const [left, right] = onImage(width, outWidth, sx, px, kx);
    for (let row = top; row < bottom; ++row) {
      const from = (row * sy - py + ky) * width - px + kx;
      for (let column = left; column < right; ++column) {
        y[row * outWidth + column] += weight * x[from + column * sx];
      }
    }
  }

  function conv2d(layer, x) {
    const area = layer.in[1] * layer.in[2], outArea = layer.out[1] * layer.out[2];
    const inGroup = layer.in[0] / layer.groups, outGroup = layer.out[0] / layer.groups;
    const [kh, kw] = layer.kernel, [down, right] = layer.dilation;
    const y = new Float32Array(product(layer.out));
    let at = 0;  // the weights lie in the order of these loops
    for (let o = 0; o < layer.out[0]; ++o) {
      const first = Math.floor(o / outGroup) * inGroup;
      const plane = y.subarray(o * outArea, (o + 1) * outArea).fill(layer.bias[o]);
      for (let c = first; c < first + inGroup; ++c) {
        const input = x.subarray(c * area, (c + 1) * area);
        for (let k = 0; k < kh * kw; ++k) {
          addWeighted(
              plane, input, layer.weight[at++], layer, down * Math.floor(k / kw), right * (k % kw));
        }
      }
    }
    return y;
  }

  function maxPool(layer, x) {
    const area = layer.in[1] * layer.in[2];
    return planes(layer.out, (c, row, column) => {
      let largest = -Infinity;
      inWindow(layer, row, column, (place) => {
        largest = Math.max(largest, x[c * area + place]);
      });
      return largest;
    });
  }

  // Padding counts as zeros in the mean.
  function avgPool(layer, x) {
    const area = layer.in[1] * layer.in[2];
    const window = product(layer.kernel);
    return planes(layer.out, (c, row, column) => {
      let sum = 0;
      inWindow(layer, row, column, (place) => {
        sum += x[c * area + place];
      });
      return sum / window;
    });
  }

  function globalAvgPool(layer, x) {
    const area = layer.in[1] * layer.in[2];
    const mean = (plane) => plane.reduce((a, b) => a + b, 0) / area;
    return Float32Array.from(
        {length: layer.in[0]}, (_, c) => mean(x.subarray(c * area, (c + 1) * area)));
  }

  const forward = {
    linear,
    conv2d,
    max_pool: maxPool,
    avg_pool: avgPool,
    global_avg_pool: globalAvgPool,
    relu: (layer, x) => x.map((value) => Math.max(0, value)),
    flatten: (layer, x) => x,
    add: (layer, x, y) => x.map((value, i) => value + y[i]),
  };

  // The layers of the page's data with their weights as arrays; null if the page has none.
  function load({layers}) {
    if (!layers) return null;
    return layers.map((layer) => layer.weight === undefined ? layer : {
      ...layer,
      weight: floatsOf(layer.weight),
      bias: floatsOf(layer.bias),
    });
  }

  // The logits for H · W bytes of an image.
  function logits(layers, pixels) {
    const values = [Float32Array.from(pixels, (byte) => byte / 255)];  // and each layer's result
    for (const layer of layers) {
      values.push(forward[layer.kind](layer, ...layer.from.map((place) => values[place])));
    }
    return values.at(-1);
  }

  return {load, logits};
})();
