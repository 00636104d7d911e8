// A drawing made an image as MNIST's were made: the ink is scaled to fit a box of 20 × 20 pixels,
// its aspect ratio kept, and placed on 28 × 28 with its centre of mass in the middle (LeCun,
// Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998, III.A).
'use strict';

limbeck.prepare = (() => {
  const side = 28;
  const box = 20;

  // The rectangle that holds all ink darker than a half, so that the soft edge of a stroke does not
  // make it a pixel larger; null on an empty sheet.
  function inkBox(ink, width, height) {
    let left = width, right = -1, top = height, bottom = -1;
    for (let y = 0; y < height; ++y) {
      for (let x = 0; x < width; ++x) {
        if (ink[y * width + x] < 128) continue;
        left = Math.min(left, x), right = Math.max(right, x);
        top = Math.min(top, y), bottom = Math.max(bottom, y);
      }
    }
    if (right < 0) return null;
    return {left, top, width: right - left + 1, height: bottom - top + 1};
  }

  // For each of `count` equal parts of the range [0, length), the whole numbers that it overlaps
  // and the share of the part that each has.
  function shares(length, count) {
    return Array.from({length: count}, (_, part) => {
      const begin = part * length / count, end = (part + 1) * length / count;
      const list = [];
      for (let i = Math.floor(begin); i < Math.min(end, length); ++i) {
        const overlap = Math.min(i + 1, end) - Math.max(i, begin);
        if (overlap > 0) list.push({at: i, share: overlap * count / length});
      }
      return list;
    });
  }

  // The mean of the ink under each pixel of the smaller picture, by its area.
  function scaled(ink, stride, from, width, height) {
    const columns = shares(from.width, width);
    return shares(from.height, height).flatMap((rows) => columns.map((places) => {
      let sum = 0;
      for (const {at: y, share} of rows) {
        for (const {at: x, share: part} of places) {
          sum += share * part * ink[(from.top + y) * stride + from.left + x];
        }
      }
      return sum;
    }));
  }

  function centreOfMass(pixels, width) {
    let mass = 0, x = 0, y = 0;
    pixels.forEach((value, i) => {
      mass += value;
      x += value * (i % width + 0.5);
      y += value * (Math.floor(i / width) + 0.5);
    });
    return {x: x / mass, y: y / mass};
  }

  // Where the picture begins so that its centre is in the middle, but never outside.
  const begin = (centre, size) => Math.min(Math.max(0, Math.round(side / 2 - centre)), side - size);

  // From width × height bytes of ink, 0 paper to 255 ink, 28 × 28 such bytes; null if there is
  // none.
  function prepare(ink, width, height) {
    const from = inkBox(ink, width, height);
    if (from === null) return null;
    const scale = box / Math.max(from.width, from.height);
    const w = Math.max(1, Math.round(from.width * scale));
    const h = Math.max(1, Math.round(from.height * scale));
    const small = scaled(ink, width, from, w, h);
    const centre = centreOfMass(small, w);
    const left = begin(centre.x, w), top = begin(centre.y, h);
    const pixels = new Uint8Array(side * side);
    small.forEach((value, i) => {
      pixels[(top + Math.floor(i / w)) * side + left + i % w] = Math.round(value);
    });
    return pixels;
  }

  return {prepare, side};
})();
