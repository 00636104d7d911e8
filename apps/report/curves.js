// How the networks of the first pair learned: errors and loss by epoch.
'use strict';

limbeck.curves = (() => {
  const {element, th, td, fillTable, byId, thousands, digits3} = limbeck.base;
  const {data, networks, chart} = limbeck;

  const epochsOf = ({run}) => data.run[run].epochs;

  // Only a distilled student's epochs have the parts of their loss; for the others it is CE(z, y).
  const lossOf = (epoch, kind) => epoch[kind] ?? epoch.loss;

  function series(value) {
    return networks.map(
        (network, i) =>
            ({name: network.name, colour: `c${i}`, values: epochsOf(network).map(value)}));
  }

  // The chart in words: where each line begins and ends.
  function inWords(what, lines, text) {
    const ends = lines.map(({name, values}) => {
      const [first, last] = [text(values[0]), text(values.at(-1))];
      return `${name}: from ${first} to ${last} in ${values.length} epochs`;
    });
    return `${what} by epoch. ${ends.join('; ')}.`;
  }

  // On the test images or, where some of the training images were held back to judge by, on those.
  const errorsOf = ({errors, validation_errors: held}) => errors ?? held;
  const heldBack = data.run.options.validation_split > 0;

  function errorsChart(width) {
    const lines = series(errorsOf);
    return chart.lines(width, {
      title: inWords(`Errors on ${heldBack ? 'held-back images' : 'the test set'}`, lines, thousands),
      yLabel: heldBack ? 'errors on held-back images' : `errors of ${thousands(data.run.teacher.total)}`,
      series: lines,
      whole: true,
    });
  }

  function lossChart(width) {
    const kind = document.querySelector('input[name=loss]:checked').value;
    const lines = series((epoch) => lossOf(epoch, kind));
    return chart.lines(width, {
      title: inWords('Mean loss of the training images', lines, digits3),
      yLabel: 'loss, nats',
      series: lines,
    });
  }

  // Three cells for a network in an epoch, empty after its last.
  function cells(network, i) {
    const epoch = epochsOf(network)[i];
    if (epoch === undefined) return [td(), td(), td()];
    const {loss} = epoch;
    return [td(thousands(errorsOf(epoch))), td(digits3(loss)), td(digits3(lossOf(epoch, 'hard')))];
  }

  function table() {
    const longest = Math.max(...networks.map((network) => epochsOf(network).length));
    const names = networks.map(({name}) => element('th', {scope: 'colgroup', colspan: 3}, name));
    const kinds =
        networks.flatMap(() => ['errors', 'loss', 'CE(z, y)'].map((text) => th('col', text)));
    const rows = Array.from(
        {length: longest},
        (_, i) => [th('row', String(i + 1)), ...networks.flatMap((one) => cells(one, i))]);
    fillTable(
        byId('curve-table'), 'Errors, loss and cross-entropy with the labels, by epoch',
        [[element('th', {scope: 'col', rowspan: 2}, 'Epoch'), ...names], kinds], rows);
  }

  // Of a sum of terms each one's value, weight and, where it is known, its gradient's length.
  function termTable() {
    const {epochs} = data.run.student_distilled;
    const terms = Object.keys(epochs[0]).filter((key) => `${key}-weight` in epochs[0]);
    byId('terms').hidden = terms.length === 0;
    if (terms.length === 0) return;
    const columns = terms.flatMap(
        (term) => [term, `${term}-weight`, `${term}-gradient`].filter((key) => key in epochs[0]));
    const cell = (number) => td(number === undefined || number === null ? '' : digits3(number));
    fillTable(
        byId('term-table'), 'Terms of the distilled student’s loss and their weights, by epoch',
        [[th('col', 'Epoch'), ...columns.map((key) => th('col', key))]],
        epochs.map(
            (epoch, i) => [th('row', String(i + 1)), ...columns.map((key) => cell(epoch[key]))]));
  }

  function show() {
    chart.responsive(byId('errors-curve'), errorsChart);
    const redraw = chart.responsive(byId('loss-curve'), lossChart);
    for (const radio of document.querySelectorAll('input[name=loss]')) {
      radio.addEventListener('change', redraw);
    }
    table();
    termTable();
  }

  return {show};
})();
