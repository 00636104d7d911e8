// The temperature: its slider, the chosen image, and the three networks' probabilities at it.
'use strict';

limbeck.slider = (() => {
  const {element, th, td, fillTable, swatch, byId, digits3, paint} = limbeck.base;
  const {data, networks, state, chart, gallery} = limbeck;
  const {softmax, entropy, argmax, percent} = limbeck.probability;
  const classes = Array.from({length: data.classes}, (_, c) => c);

  // T = 0.1 · 500^(v / 400): from 0.1 at the slider's left end, v = 0, to 50 at its right.
  const least = 0.1, ratio = 500, steps = 400;
  const floor = 1e-6;  // of the logarithmic axis
  const temperatureAt = (v) => least * ratio ** (v / steps);
  const placeOf = (t) => steps * Math.log(t / least) / Math.log(ratio);

  const temperatureText = () => digits3(state.temperature);

  const probabilities = () =>
      networks.map(({key}) => softmax(state.image.logits[key], state.temperature));

  function barChart(width) {
    if (!state.image) return [];
    const isLog = document.querySelector('input[name=scale]:checked').value === 'log';
    const all = probabilities();
    return chart.bars(width, {
      title: `Probabilities of the classes at T = ${temperatureText()}. A table below has them.`,
      xLabel: 'class',
      yLabel: isLog ? 'probability (logarithmic)' : 'probability',
      groups: data.class_names,
      series: networks.map(({name}, i) => ({name, colour: `c${i}`, values: all[i]})),
      largest: 1,
      floor: isLog ? floor : undefined,
    });
  }

  function entropyTable() {
    const all = probabilities();
    const verdict = (answer) => `${data.nameOf(answer)} ${answer === state.image.label ? '✓' : '✗'}`;
    const most = Math.log2(data.classes).toFixed(2);
    const heads = ['Network', 'Answer', 'Probability', `Entropy, bits of ${most}`];
    fillTable(
        byId('entropies'), 'Answers at this temperature', [heads.map((text) => th('col', text))],
        networks.map(({name}, i) => [
          th('row', swatch(`c${i}`), name),
          td(verdict(argmax(all[i]))),
          td(percent(Math.max(...all[i]))),
          td(entropy(all[i]).toFixed(4)),
        ]));
  }

  function probabilityTable() {
    const all = probabilities();
    const heads = ['Class', ...networks.flatMap(({name}) => [`${name}: z`, `${name}: p`])];
    fillTable(
        byId('probability-table'), `Logits z and p = softmax(z / T) at T = ${temperatureText()}`,
        [heads.map((text) => th('col', text))], classes.map((c) => [
          th('row', data.nameOf(c)),
          ...networks.flatMap(({key}, i) => [
            td(state.image.logits[key][c].toFixed(2)),
            td(digits3(all[i][c])),
          ]),
        ]));
  }

  function showTemperature() {
    byId('t-value').textContent = temperatureText();
    byId('t').setAttribute('aria-valuetext', `T = ${temperatureText()}`);
  }

  // "Mistaken by the teacher and the student on hard labels."
  function mistakenBy({mistaken}) {
    const names = ['the teacher', 'the student on hard labels', 'the distilled student'].filter(
        (_, i) => mistaken & networks[i].bit);
    if (names.length === 0) return 'All three get it right.';
    if (names.length === 3) return 'All three get it wrong.';
    return `Mistaken by ${names.join(' and ')}.`;
  }

  function showImage() {
    paint(byId('chosen-image'), state.image.pixels);
    byId('chosen-text').replaceChildren(
        element('p', {class: 'label'}, 'Label ', element('strong', {}, data.nameOf(state.image.label))),
        element('p', {}, mistakenBy(state.image)));
    byId('index').value = String(state.image.index);
    byId('index-note').textContent = '';
  }

  // The image of that number, or the one nearest to it that the page has.
  function chooseIndex() {
    const wanted = Number(byId('index').value);
    const distance = ({index}) => Math.abs(index - wanted);
    const image = data.images.reduce((a, b) => distance(b) < distance(a) ? b : a);
    state.change({image});
    if (image.index !== wanted) {
      byId('index-note').textContent =
          `The page has no image ${wanted}; ${image.index} is nearest.`;
    }
  }

  function chooseNeighbour(step) {
    const image = gallery.neighbour(step);
    if (image) state.change({image});
  }

  // Numbers under the slider where its thumb, 16 pixels wide, stands for them.
  function ticks() {
    byId('t-ticks').replaceChildren(...[0.1, 0.5, 1, 2, 5, 10, 20, 50].map((t) => {
      const tick = element('span', {}, String(t));
      const share = placeOf(t) / steps;
      tick.style.left = `calc(8px + ${share} * (100% - 16px))`;
      return tick;
    }));
  }

  function setTemperature(temperature) {
    byId('t').value = String(placeOf(temperature));
    state.change({temperature});
  }

  function listen() {
    byId('t').addEventListener(
        'input', () => state.change({temperature: temperatureAt(Number(byId('t').value))}));
    const given = state.temperature;
    byId('t-given').textContent = `The run’s T = ${digits3(given)}`;
    byId('t-given').addEventListener('click', () => setTemperature(given));
    byId('t-one').addEventListener('click', () => setTemperature(1));
    byId('previous').addEventListener('click', () => chooseNeighbour(-1));
    byId('next').addEventListener('click', () => chooseNeighbour(1));
    byId('index').addEventListener('change', chooseIndex);
  }

  function show() {
    const picture = byId('chosen-image');
    picture.width = data.width, picture.height = data.height;
    byId('index').max = String(data.run.teacher.total - 1);
    byId('t').value = String(placeOf(state.temperature));
    ticks();
    listen();
    const redraw = chart.responsive(byId('probabilities'), barChart);
    for (const radio of document.querySelectorAll('input[name=scale]')) {
      radio.addEventListener('change', redraw);
    }
    state.onChange(({image}) => {
      if (image) showImage();
      showTemperature();
      redraw();
      entropyTable();
      probabilityTable();
    });
  }

  return {show};
})();
