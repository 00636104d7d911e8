// Probabilities from logits, and how much they leave open.
'use strict';

limbeck.probability = (() => {
  // softmax(z / T). The maximum is subtracted before exp, so that nothing overflows at a low T.
  function softmax(logits, temperature) {
    const largest = Math.max(...logits);
    const powers = Array.from(logits, (z) => Math.exp((z - largest) / temperature));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  }

  // −Σ p log2 p, in bits: 0 for certainty, log2 C for a flat answer.
  const entropy = (probs) => probs.reduce((sum, p) => p > 0 ? sum - p * Math.log2(p) : sum, 0);

  const argmax = (values) => values.indexOf(Math.max(...values));

  // 0.9312 → "93.1 %"
  const percent = (p) => `${(100 * p).toFixed(1)} %`;

  return {softmax, entropy, argmax, percent};
})();
