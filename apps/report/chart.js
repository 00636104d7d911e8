// Charts as SVG: lines over epochs and bars in groups. Colours are the style's classes c0 to c2; a
// chart is drawn anew for the width that its box has, so that its text keeps its size.
'use strict';

limbeck.chart = (() => {
  const {svg, element, digits3} = limbeck.base;
  const margin = {left: 60, right: 12, top: 12, bottom: 40};
  const height = 280;

  // Keeps draw(width) in the box: at once, and again when its width changes. Returns a function
  // that draws anew for other data.
  function responsive(box, draw) {
    let width = 0;
    const redraw = () => {
      if (width > 0) box.replaceChildren(...draw(width));
    };
    new ResizeObserver(() => {
      const now = Math.floor(box.clientWidth);
      if (now === width) return;
      width = now;
      redraw();
    }).observe(box);
    return redraw;
  }

  const superscript = (n) =>
      String(n).replace(/./g, (c) => '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'['-0123456789'.indexOf(c)]);

  // 0.01, 1, 500; 10⁻⁴
  function tickText(value) {
    if (value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5)) {
      return Number(value.toPrecision(3)).toLocaleString('en-US', {maximumFractionDigits: 4});
    }
    return `10${superscript(Math.round(Math.log10(value)))}`;
  }

  // 1, 2 or 5 × 10^k: the least of them that is not below x.
  function roundUp(x) {
    const power = 10 ** Math.floor(Math.log10(x) + 1e-9);
    return power * [1, 2, 5, 10].find((step) => step * power >= x * (1 - 1e-9));
  }

  // An axis from 0 past `largest`, in steps that are whole if asked: its ticks, and the share of
  // its length below a value.
  function linearAxis(largest, whole) {
    const step = Math.max(roundUp(Math.max(largest, 1e-9) / 5), whole ? 1 : 0);
    const count = Math.max(1, Math.ceil(largest / step - 1e-9));
    const ticks = Array.from({length: count + 1}, (_, i) => i * step);
    return {ticks, place: (value) => value / (count * step)};
  }

  // A logarithmic axis of whole decades, or of less where 1, 2 and 5 give enough ticks.
  function logAxis(least, largest) {
    const steps = Math.log10(largest / least) < 2.2 ? [1, 2, 5] : [1];
    const ticks = [];
    for (let k = Math.floor(Math.log10(least)); 10 ** k <= 10 * largest; ++k) {
      for (const step of steps) ticks.push(step * 10 ** k);
    }
    const first = ticks.findLastIndex((tick) => tick <= least * (1 + 1e-9));
    const last = ticks.findIndex((tick) => tick >= largest * (1 - 1e-9));
    const all = ticks.slice(Math.max(0, first), last + 1);
    const [low, high] = [Math.log(all[0]), Math.log(all.at(-1))];
    const every = Math.ceil(all.length / 8);
    return {
      ticks: all.filter((_, i) => i % every === 0),
      place: (value) => (Math.log(value) - low) / (high - low),
    };
  }

  const line = (kind, x1, y1, x2, y2) => svg('line', {class: kind, x1, y1, x2, y2});
  const text = (kind, x, y, anchor, words) =>
      svg('text', {class: kind, x, y, 'text-anchor': anchor}, words);

  // The frame of a chart: the y axis's ticks and their lines, and what both axes are called.
  function frame(width, axis, xLabel, yLabel) {
    const left = margin.left, right = width - margin.right;
    const top = margin.top, bottom = height - margin.bottom;
    const y = (value) => bottom - axis.place(value) * (bottom - top);
    const upright = text('label', 0, 0, 'middle', yLabel);
    upright.setAttribute('transform', `translate(11 ${(top + bottom) / 2}) rotate(-90)`);
    const parts = [
      ...axis.ticks.map((tick) => line('grid', left, y(tick), right, y(tick))),
      ...axis.ticks.map((tick) => text('tick', left - 8, y(tick) + 4, 'end', tickText(tick))),
      line('axis', left, bottom, right, bottom),
      text('label', (left + right) / 2, height - 4, 'middle', xLabel),
      upright,
    ];
    return {parts, left, bottom, width: right - left, height: bottom - top, y};
  }

  const xTick = (plot, x, words) => text('tick', x, plot.bottom + 16, 'middle', words);

  function picture(width, title, parts) {
    return svg(
        'svg', {width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title},
        ...parts);
  }

  // Marks that differ in shape too, for eyes that do not tell the colours apart.
  const marks = [
    (x, y) => svg('circle', {class: 'mark', cx: x, cy: y, r: 3.5}),
    (x, y) => svg('rect', {class: 'mark', x: x - 3.2, y: y - 3.2, width: 6.4, height: 6.4}),
    (x, y) => svg('path', {class: 'mark', d: `M${x} ${y - 4.4}l4.2 7.6h-8.4z`}),
  ];

  function key({colour, mark}) {
    const size = {class: colour, width: mark ? 22 : 12, height: 12, 'aria-hidden': 'true'};
    if (mark) return svg('svg', size, line('line', 0, 6, 22, 6), mark(11, 6));
    return svg('svg', size, svg('rect', {class: 'bar', width: 12, height: 12, rx: 2}));
  }

  const legend = (series) => element(
      'ul', {class: 'legend'}, ...series.map((one) => element('li', {}, key(one), one.name)));

  const titled = (shape, words) => {
    shape.append(svg('title', {}, words));
    return shape;
  };

  // One of the lines, through its points.
  function curve({name, colour, values, mark}, x, y) {
    const points = values.map((value, i) => [x(i + 1), y(value)]);
    const shapes = points.map(
        ([px, py], i) => titled(mark(px, py), `${name}, epoch ${i + 1}: ${digits3(values[i])}`));
    return svg(
        'g', {class: colour}, svg('polyline', {class: 'line', points: points.join(' ')}),
        ...shapes);
  }

  // A line over epochs for each of the series {name, colour, values}; values[i] is of epoch i + 1.
  // The y axis is logarithmic where values above 0 differ by more than ten times.
  function lines(width, {title, yLabel, series, whole}) {
    const all = series.flatMap(({values}) => values);
    const [least, largest] = [Math.min(...all), Math.max(...all)];
    const isLog = least > 0 && largest > 10 * least;
    const axis = isLog ? logAxis(least, largest) : linearAxis(largest, whole);
    const plot = frame(width, axis, 'epoch', isLog ? `${yLabel} (logarithmic)` : yLabel);
    const epochs = Math.max(...series.map(({values}) => values.length));
    const x = (epoch) => plot.left + (epoch - 0.5) / epochs * plot.width;
    const step = Math.max(1, roundUp(epochs / (width / 60)));
    const ticks = Array.from({length: Math.floor(epochs / step)}, (_, i) => (i + 1) * step);
    const marked = series.map((one, i) => ({...one, mark: marks[i]}));
    return [
      legend(marked),
      picture(width, title, [
        ...plot.parts,
        ...ticks.map((epoch) => xTick(plot, x(epoch), String(epoch))),
        ...marked.map((one) => curve(one, x, plot.y)),
      ]),
    ];
  }

  // A group of bars for each of `groups`, in it one of each of the series {name, colour, values}.
  // With `floor` the y axis is logarithmic from there, and what is below has no bar.
  function bars(width, {title, xLabel, yLabel, groups, series, largest, floor, whole}) {
    const axis = floor ? logAxis(floor, largest) : linearAxis(largest, whole);
    const plot = frame(width, axis, xLabel, yLabel);
    const group = plot.width / groups.length;
    const middle = (g) => plot.left + (g + 0.5) * group;
    // Of many names only as many as there is room for: some seven pixels a letter.
    const every = Math.ceil((6 + 7 * Math.max(...groups.map(({length}) => length))) / group);
    const bar = Math.min(24, 0.8 * group / series.length);
    const rect = ({name, values}, s, g) => {
      const y = plot.y(Math.max(values[g], floor ?? 0));
      const x = middle(g) + (s - series.length / 2) * bar;
      const size = {width: bar - 1, height: plot.bottom - y};
      const shape = svg('rect', {class: 'bar', x, y, ...size});
      return titled(shape, `${name}, ${groups[g]}: ${digits3(values[g])}`);
    };
    return [
      legend(series),
      picture(width, title, [
        ...plot.parts,
        ...groups.flatMap((name, g) => g % every === 0 ? [xTick(plot, middle(g), name)] : []),
        ...series.map((one, s) => svg(
            'g', {class: one.colour}, ...groups.map((_, g) => rect(one, s, g)))),
      ]),
    ];
  }

  return {responsive, lines, bars};
})();
