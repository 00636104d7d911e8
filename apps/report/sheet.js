// The sheet to draw on: strokes of a mouse, a finger or a pen, white on black as MNIST has its ink.
'use strict';

limbeck.sheet = (() => {
  const canvas = limbeck.base.byId('canvas');
  // It is read after every stroke, so it is best kept in main memory.
  const context = canvas.getContext('2d', {willReadFrequently: true});
  const pen = 22;   // of 280 pixels: near to MNIST's strokes once a digit is scaled to 20 of 28
  let last = null;  // where the pen is; null while it is up

  function wipe() {
    context.fillStyle = '#000';
    context.fillRect(0, 0, canvas.width, canvas.height);
  }

  function copy(picture) {
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  }

  // The ink as bytes, with the sheet's size.
  function ink() {
    const {width, height} = canvas;
    const {data} = context.getImageData(0, 0, width, height);
    return {bytes: Uint8Array.from({length: width * height}, (_, i) => data[4 * i]), width, height};
  }

  function place({clientX, clientY}) {
    const {left, top, width} = canvas.getBoundingClientRect();
    const scale = canvas.width / width;
    return {x: (clientX - left) * scale, y: (clientY - top) * scale};
  }

  function strokeTo(to) {
    context.strokeStyle = '#fff';
    context.lineWidth = pen;
    context.lineCap = 'round';
    context.beginPath();
    context.moveTo(last.x, last.y);
    context.lineTo(to.x, to.y + 0.01);  // a line of no length would leave no dot
    context.stroke();
    last = to;
  }

  // Calls onInk at most once a frame while there is new ink, and onEnd when the pen is lifted.
  function listen(onInk, onEnd) {
    let waiting = false;
    const soon = () => {
      if (!waiting) requestAnimationFrame(() => (waiting = false, onInk()));
      waiting = true;
    };
    const end = () => {
      if (last !== null) onEnd();
      last = null;
    };
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      last = place(event);
      strokeTo(last);
      soon();
    });
    // A browser sends one event for several movements, and has them still.
    canvas.addEventListener('pointermove', (event) => {
      if (last === null) return;
      event.getCoalescedEvents().map(place).forEach(strokeTo);
      soon();
    });
    canvas.addEventListener('pointerup', end);
    canvas.addEventListener('pointercancel', end);
  }

  return {wipe, copy, ink, listen};
})();
