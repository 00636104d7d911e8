// The test images that some network mistakes, and a sample of the others, to choose one from.
'use strict';

limbeck.gallery = (() => {
  const {element, byId, thousands, paint} = limbeck.base;
  const {data, networks, state} = limbeck;
  const [teacher, hard, distilled] = networks.map(({bit}) => bit);
  const all = teacher | hard | distilled;

  // Each filter by the set of networks that mistake an image.
  const filters = [
    ['some network gets wrong', (set) => set !== 0],
    ['the teacher gets wrong', (set) => (set & teacher) !== 0],
    ['the student on hard labels gets wrong', (set) => (set & hard) !== 0],
    ['the distilled student gets wrong', (set) => (set & distilled) !== 0],
    ['distillation put right', (set) => (set & hard) !== 0 && (set & distilled) === 0],
    ['distillation made wrong', (set) => (set & distilled) !== 0 && (set & hard) === 0],
    ['only the teacher gets right', (set) => set === (hard | distilled)],
    ['only the teacher gets wrong', (set) => set === teacher],
    ['all three get wrong', (set) => set === all],
    ['all three get right (a sample)', (set) => set === 0],
  ];

  // Images of the whole test set, in the page or not, that a filter lets through.
  const total = (passes) =>
      data.mistaken.counts.reduce((sum, count, set) => passes(set) ? sum + count : sum, 0);

  let shown = [];

  function answer(image, {key, name}, i) {
    const right = image.answer[key] === image.label;
    return element(
        'span', {class: `answer c${i} ${right ? '' : 'wrong'}`, title: name},
        right ? data.nameOf(image.answer[key]) : element('s', {}, data.nameOf(image.answer[key])));
  }

  function inWords(image) {
    const answers = networks.map(({key, name}) => {
      const right = image.answer[key] === image.label;
      return `${name}: ${data.nameOf(image.answer[key])}${right ? '' : ', wrong'}`;
    });
    return `Test image ${image.index}, label ${data.nameOf(image.label)}. ${answers.join('; ')}.`;
  }

  function item(image) {
    const picture = element('canvas', {class: 'digit', width: data.width, height: data.height});
    paint(picture, image.pixels);
    const button = element(
        'button', {type: 'button', 'data-index': image.index, onclick: () => state.change({image})},
        picture, element('span', {class: 'heard'}, inWords(image)),
        element('span', {class: 'truth', 'aria-hidden': 'true'}, data.nameOf(image.label)),
        element(
            'span', {class: 'marks', 'aria-hidden': 'true'},
            ...networks.map((network, i) => answer(image, network, i))));
    return element('li', {}, button);
  }

  function markChosen() {
    for (const button of byId('gallery').querySelectorAll('button')) {
      const chosen = Number(button.dataset.index) === state.image?.index;
      button.setAttribute('aria-pressed', String(chosen));
    }
  }

  function note(here, count) {
    if (count === 0) return 'There are none.';
    if (count === here) return `All ${thousands(count)} of the test set.`;
    const more = thousands(count - here);
    return `${thousands(here)} of ${thousands(count)}; ${more} more are not shown.`;
  }

  function showThose() {
    const [, passes] = filters[byId('filter').value];
    shown = data.images.filter(({mistaken}) => passes(mistaken)).slice(0, data.mistaken.most);
    const count = total(passes);
    byId('gallery').replaceChildren(...shown.map(item));
    byId('gallery').scrollTop = 0;
    byId('gallery-note').textContent = note(shown.length, count);
    markChosen();
  }

  // The neighbour of the chosen image among those shown, round and round: step is 1 or −1.
  function neighbour(step) {
    if (shown.length === 0) return null;
    const now = state.image?.index ?? -1;
    const next =
        step > 0 ? shown.find(({index}) => index > now) : shown.findLast(({index}) => index < now);
    return next ?? shown.at(step > 0 ? 0 : -1);
  }

  function show() {
    byId('filter').replaceChildren(...filters.map(
        ([text, passes], i) =>
            element('option', {value: i}, `${text} (${thousands(total(passes))})`)));
    const first = filters.findIndex(([, passes]) => total(passes) > 0);
    byId('filter').value = String(first);
    byId('filter').addEventListener('change', showThose);
    state.onChange(({image}) => image && markChosen());
    showThose();
    state.change({image: shown[0]});
  }

  return {show, neighbour};
})();
