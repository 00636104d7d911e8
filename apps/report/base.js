// What the other scripts share: the run's data, the state that the reader changes, numbers and
// elements of the page. Each script adds its own part to `limbeck`.
'use strict';

const limbeck = {};

limbeck.base = (() => {
  const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const floatsOf = (base64) => new Float32Array(bytesOf(base64).buffer);

  // An element with attributes, of which on… are listeners, and with children, nodes or text.
  function element(tag, attributes = {}, ...children) {
    return filled(document.createElement(tag), attributes, children);
  }

  function svg(tag, attributes = {}, ...children) {
    return filled(
        document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
  }

  function filled(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith('on')) {
        node.addEventListener(name.slice(2), value);
      } else {
        node.setAttribute(name, value);
      }
    }
    node.append(...children);
    return node;
  }

  // The cells of a table: a header of scope "col" or "row", and others.
  const th = (scope, ...children) => element('th', {scope}, ...children);
  const td = (...children) => element('td', {}, ...children);

  // Fills a table with a caption, rows of headers, and rows of cells.
  function fillTable(table, caption, heads, rows) {
    const row = (cells) => element('tr', {}, ...cells);
    table.replaceChildren(
        element('caption', {}, caption), element('thead', {}, ...heads.map(row)),
        element('tbody', {}, ...rows.map(row)));
  }

  // A patch of a network's colour.
  const swatch = (colour) => element('span', {class: `swatch ${colour}`, 'aria-hidden': 'true'});

  const byId = (id) => document.getElementById(id);

  // 2395210 → "2,395,210"
  const thousands = (n) => n.toLocaleString('en-US');

  // A number in three significant digits: 0.0123, 4.5, 50.
  const digits3 = (x) => String(Number(x.toPrecision(3)));

  // The bytes of an image on a canvas of its size: a plane of grey, white on black as MNIST has it,
  // or planes of red, green and blue. The style inverts grey canvases in a light scheme.
  function paint(canvas, pixels) {
    const context = canvas.getContext('2d');
    const image = context.createImageData(canvas.width, canvas.height);
    const area = canvas.width * canvas.height;
    const coloured = pixels.length > area;
    canvas.classList.toggle('coloured', coloured);
    for (let i = 0; i < area; ++i) {
      for (let c = 0; c < 3; ++c) image.data[4 * i + c] = pixels[coloured ? c * area + i : i];
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  return {
    bytesOf, floatsOf, element, svg, th, td, fillTable, swatch, byId, thousands, digits3, paint,
  };
})();

// The networks of the page, in the order of its charts. Each keeps its colour, c0 to c2.
limbeck.networks = [
  {key: 'teacher', run: 'teacher', name: 'Teacher', bit: 1},
  {key: 'hard', run: 'student_hard', name: 'Student, hard labels', bit: 2},
  {key: 'distilled', run: 'student_distilled', name: 'Student, distilled', bit: 4},
];

// The data of the run, with base64 made arrays (apps/report/page_data.h has the fields).
limbeck.data = (() => {
  const {bytesOf, floatsOf, byId} = limbeck.base;
  const data = JSON.parse(byId('data').textContent);
  if (data.run.options.mutual) limbeck.networks[2].name = 'Student, mutual 1';
  const {index, label, pixels, logits} = data.images;
  const allPixels = bytesOf(pixels);
  const area = data.channels * data.height * data.width;
  const allLogits = {};
  for (const {key} of limbeck.networks) allLogits[key] = floatsOf(logits[key]);
  data.images = index.map((number, i) => {
    const image = {index: number, label: label[i], logits: {}, answer: {}, mistaken: 0};
    image.pixels = allPixels.subarray(i * area, (i + 1) * area);
    for (const {key, bit} of limbeck.networks) {
      image.logits[key] = allLogits[key].subarray(i * data.classes, (i + 1) * data.classes);
      image.answer[key] = image.logits[key].indexOf(Math.max(...image.logits[key]));
      if (image.answer[key] !== image.label) image.mistaken |= bit;
    }
    return image;
  });
  // What a class is called, or its number.
  data.nameOf = (c) => data.class_names[c];
  return data;
})();

// What the reader has chosen, and who wants to know: change() sets a part of it and tells them.
limbeck.state = (() => {
  const listeners = [];
  const state = {temperature: Math.min(50, Math.max(0.1, limbeck.data.temperature)), image: null};
  state.onChange = (listener) => listeners.push(listener);
  state.change = (part) => {
    Object.assign(state, part);
    for (const listener of listeners) listener(part);
  };
  return state;
})();
