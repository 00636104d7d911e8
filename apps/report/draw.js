// What the students make of a drawing, with their weights in the page.
'use strict';

limbeck.draw = (() => {
  const {element, byId, thousands, digits3, paint} = limbeck.base;
  const {data, networks, state, chart, sheet} = limbeck;
  const {softmax, argmax, percent} = limbeck.probability;
  const {prepare, side} = limbeck.prepare;
  const classes = data.class_names;
  const digits = classes.length === 10 && classes.every((name, c) => name === String(c));
  const invitation = digits ? 'Draw a digit from 0 to 9.' : 'Draw one of the classes.';

  const students = networks.map((network, i) => ({...network, colour: `c${i}`}))
      .filter(({key}) => key in data.models)
      .map((student) => ({...student, layers: limbeck.model.load(data.models[student.key])}));

  let drawn = null;  // {pixels, logits} of the drawing; null while the sheet is empty
  let redraw = () => {};

  // The logits of both students for 28 × 28 bytes, 0 paper to 255 ink: {hard, distilled}.
  function classify(pixels) {
    return Object.fromEntries(students.map(
        ({key, layers}) => [key, Array.from(limbeck.model.logits(layers, pixels))]));
  }

  // Each student's probabilities and its answer.
  function answers() {
    return students.map(({key, name, colour}) => {
      const values = softmax(drawn.logits[key], state.temperature);
      const best = argmax(values);
      return {name, colour, values, best: data.nameOf(best), share: percent(values[best])};
    });
  }

  function answersChart(width) {
    const none = () => students.map((one) => ({...one, values: classes.map(() => 0)}));
    return chart.bars(width, {
      title: 'Probabilities of the classes for the drawing',
      xLabel: 'class',
      yLabel: 'probability',
      groups: classes,
      series: drawn ? answers() : none(),
      largest: 1,
    });
  }

  function showAnswers() {
    const shown = ({name, colour, best, share}) => element(
        'p', {class: colour}, element('span', {class: 'swatch'}), `${name}: `,
        element('strong', {}, best), ` ${share}`);
    byId('answer').replaceChildren(
        ...(drawn ? answers().map(shown) : [element('p', {}, invitation)]));
    redraw();
  }

  // The same for those who listen. It is read out whenever it changes, so only at a stroke's end.
  function say() {
    const words = ({name, best, share}) => `${name}: ${best}, ${share}.`;
    byId('spoken-answer').textContent = drawn ? answers().map(words).join(' ') : invitation;
  }

  function look() {
    const {bytes, width, height} = sheet.ink();
    const pixels = prepare(bytes, width, height);
    drawn = pixels && {pixels, logits: classify(pixels)};
    paint(byId('prepared'), pixels ?? new Uint8Array(side * side));
    showAnswers();
  }

  function lookAndSay() {
    look();
    say();
  }

  // Why there is nothing to draw on; '' if there is.
  function obstacle() {
    if (students.some(({layers}) => layers === null)) {
      const largest = Math.max(...students.map(({key}) => data.models[key].bytes));
      if (largest <= data.most_bytes) {
        return 'The sheet is left out: a student has layers that the page does not compute.';
      }
      return `The sheet is left out: a student’s weights take ${thousands(largest)} bytes, and a ` +
          `page holds models of at most ${thousands(data.most_bytes)}.`;
    }
    if (data.channels !== 1) {
      return 'The sheet is left out: drawings have no colours, and this run’s images do.';
    }
    if (data.width !== side || data.height !== side) {
      return 'The sheet is left out: drawings are prepared for images of 28 × 28 pixels, and ' +
          `this run’s are ${data.height} × ${data.width}.`;
    }
    return '';
  }

  function show() {
    const reason = obstacle();
    byId('left-out').textContent = reason;
    byId('left-out').hidden = reason === '';
    byId('drawing').hidden = reason !== '';
    if (reason !== '') return;
    redraw = chart.responsive(byId('drawn-chart'), answersChart);
    sheet.listen(look, lookAndSay);
    byId('clear').addEventListener('click', () => (sheet.wipe(), lookAndSay()));
    byId('copy').addEventListener(
        'click', () => (sheet.wipe(), sheet.copy(byId('chosen-image')), lookAndSay()));
    state.onChange(() => {
      byId('drawn-t').textContent = digits3(state.temperature);
      showAnswers();
    });
    sheet.wipe();
    lookAndSay();
  }

  // For tests: classify() for any pixels, and the drawing as it is seen.
  return {show, classify, seen: () => drawn};
})();
