// What came out: the three cards, the table of all networks, and the run's options.
'use strict';

limbeck.results = (() => {
  const {element, th, td, fillTable, swatch, byId, thousands} = limbeck.base;
  const {data, networks} = limbeck;
  const {percent} = limbeck.probability;

  const accuracy = ({errors, total}) => `${(100 * (1 - errors / total)).toFixed(2)} %`;

  // Of 1000 bytes, as the program's table has it.
  function size(bytes) {
    if (bytes < 1000) return `${bytes} B`;
    return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
  }

  function duration(seconds) {
    if (seconds < 100) return `${seconds.toFixed(1)} s`;
    return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  }

  function card({run, name}, i) {
    const outcome = data.run[run];
    const {errors, total, agreement} = outcome;
    const like = agreement === undefined ? 'the one to learn from' :
                                           `decides as the teacher for ${percent(agreement)}`;
    const unit = element('span', {}, errors === 1 ? ' error' : ' errors');
    return element(
        'div', {class: `card c${i}`}, element('p', {class: 'card-name'}, name),
        element('p', {class: 'card-errors'}, thousands(errors), unit),
        element('p', {class: 'small'}, `${accuracy(outcome)} of ${thousands(total)} right`),
        element('p', {class: 'small'}, like));
  }

  // A row for the teacher, for each network between it and the students, then for all students on
  // hard labels, then for all distilled ones, each with those that learned with it, and the first
  // of them in integers.
  function rows() {
    const pairs = data.run.repeats ?? [data.run];
    const [teacher, ...students] = networks;
    const between = [...(data.run.steps ?? []), data.run.together ?? []].flat();
    const all = [row(teacher.name, 'c0', data.run.teacher)];
    for (const step of between) all.push(row(named(step), 'c0', step));
    students.forEach(({run, name}, s) => pairs.forEach((pair, i) => {
      const suffix = pairs.length > 1 ? `, ${i + 1}` : '';
      all.push(row(name + suffix, `c${s + 1}`, pair[run]));
      if (run !== 'student_distilled') return;
      for (const peer of pair.peers ?? []) all.push(row(named(peer) + suffix, 'c2', peer));
    }));
    const {student_rounded: rounded, student_integers: trained, options: {bits}} = data.run;
    const distilled = students[1].name;
    if (rounded) all.push(row(`${distilled}, rounded to ${bits} bits`, 'c2', rounded));
    if (trained) all.push(row(`${distilled}, trained in ${bits} bits`, 'c2', trained));
    return all;
  }

  // "assistant 1" → "Assistant 1", and what it won back of what the teacher has over the student.
  function named({name, gain_recovered: share}) {
    const won = share === null ? '' : ` (won back ${percent(share)})`;
    return name[0].toUpperCase() + name.slice(1) + won;
  }

  function row(name, colour, outcome) {
    const {spec, parameters, bytes, errors, agreement, seconds} = outcome;
    return [
      th('row', swatch(colour), name),
      td(element('code', {}, spec)),
      td(thousands(parameters)),
      td(size(bytes)),
      td(thousands(errors)),
      td(accuracy(outcome)),
      td(agreement === undefined ? '–' : percent(agreement)),
      td(seconds === 0 ? '–' : duration(seconds)),
    ];
  }

  function table() {
    const heads = [
      'Network',
      'Model',
      'Parameters',
      'Size',
      `Errors of ${thousands(data.run.teacher.total)}`,
      'Accuracy',
      'Like the teacher',
      'Training',
    ];
    fillTable(
        byId('results-table'), 'All networks on the test set',
        [heads.map((text) => th('col', text))], rows());
  }

  function options() {
    const shown = (value) => {
      if (value === null) return 'default';
      return typeof value === 'object' ? JSON.stringify(value) : String(value);
    };
    const item = ([name, value]) => element(
        'div', {}, element('dt', {}, name.replaceAll('_', ' ')), element('dd', {}, shown(value)));
    byId('options').replaceChildren(...Object.entries(data.run.options).map(item));
  }

  function show() {
    const {teacher, student_hard: student} = data.run;
    const title = `${teacher.spec} teaches ${student.spec}`;
    byId('title').textContent = title;
    document.title = `${title} · distillation report`;
    byId('verdict').textContent = data.verdict.trim();
    byId('cards').replaceChildren(...networks.map(card));
    byId('first-pair').hidden = data.run.repeats === undefined;
    table();
    options();
  }

  return {show};
})();
