// Which classes are mistaken, and for which: bars by class and confusion matrices.
'use strict';

limbeck.errors = (() => {
  const {element, th, fillTable, byId, thousands} = limbeck.base;
  const {data, networks, chart} = limbeck;
  const classes = Array.from({length: data.classes}, (_, c) => c);

  // Mistaken images of a class: its row but for the right answer.
  const mistakes = (matrix, label) =>
      matrix[label].reduce((sum, count, answer) => answer === label ? sum : sum + count, 0);

  function byClass(width) {
    const errorsOf = (key) => classes.map((label) => mistakes(data.confusion[key], label));
    const series =
        networks.map(({key, name}, i) => ({name, colour: `c${i}`, values: errorsOf(key)}));
    const inWords = series.map(
        ({name, values}) => `${name}: ${values.map((value, c) => `${data.nameOf(c)}: ${value}`).join(', ')}`);
    return chart.bars(width, {
      title: `Errors by class. ${inWords.join('. ')}.`,
      xLabel: 'class',
      yLabel: 'errors',
      groups: data.class_names,
      series,
      largest: Math.max(1, ...series.flatMap(({values}) => values)),
      whole: true,
    });
  }

  // The largest number of mistakes of one kind: the shade's full strength in all matrices.
  function largestMistake() {
    const all = networks.flatMap(
        ({key}) => classes.flatMap(
            (label) => data.confusion[key][label].filter((count, answer) => answer !== label)));
    return Math.max(1, ...all);
  }

  function cell(count, label, answer, largest) {
    if (label === answer) return element('td', {class: 'right'}, String(count));
    const cell = element('td', {class: count > 0 ? 'wrong' : 'none'}, String(count));
    cell.style.setProperty('--shade', (Math.log1p(count) / Math.log1p(largest)).toFixed(3));
    cell.title = `${data.nameOf(label)} taken for ${data.nameOf(answer)}: ${count}`;
    return cell;
  }

  // Long names stand upright above their columns; matrices of many classes have a row each.
  const longest = Math.max(...data.class_names.map(({length}) => length));
  const isLarge = data.classes > 16;
  const head = (name) =>
      element('th', {scope: 'col', title: name, class: longest > 3 ? 'upright' : ''}, name);

  // Above the names of the rows, which may be long.
  function corner() {
    return element('td', {style: `width: ${Math.min(10, Math.max(2, 0.6 * longest))}rem`});
  }

  function matrix({key, name}, i, largest) {
    const counts = data.confusion[key];
    const total = classes.reduce((sum, label) => sum + mistakes(counts, label), 0);
    const table = element('table', {class: `matrix c${i}`});
    table.style.minWidth = `${Math.max(20, (isLarge ? 1.3 : 2) * (data.classes + 6))}rem`;
    fillTable(
        table, `${name}: ${thousands(total)} mistakes`,
        [[corner(), ...data.class_names.map(head)]],
        classes.map((label) => [
          th('row', data.nameOf(label)),
          ...counts[label].map((count, answer) => cell(count, label, answer, largest)),
        ]));
    return element(
        'div',
        {class: 'scroll panel', role: 'region', tabindex: 0, 'aria-label': `Confusion, ${name}`},
        table);
  }

  function show() {
    const total = thousands(data.run.teacher.total);
    byId('by-class-caption').textContent =
        `Test images of each class that are mistaken, of ${total}`;
    chart.responsive(byId('by-class'), byClass);
    const largest = largestMistake();
    byId('matrices').classList.toggle('large', isLarge);
    byId('matrices').replaceChildren(...networks.map((one, i) => matrix(one, i, largest)));
  }

  return {show};
})();
