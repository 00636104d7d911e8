// For the search of a mistake: what every op computes, and where the first NaN comes from.
//
// With LIMBECK_TRACE=1 in the environment, every op prints a line to stderr as it is computed, and
// again when backward() comes through it: its inputs' shapes, its output's, the time that it took
// and the layer in which it was called. The ops of which an op's gradient is made have no lines of
// their own. The time of an op that runs forward is that since the one before it, or since its
// layer began, so it includes what the program did in between.
//
//   forward   linear_relu  (128, 784) (400, 784) (400) → (128, 400)   412 µs  student.1 (Linear)
//   backward  linear_relu  (128, 784) (400, 784) (400) ← (128, 400)   655 µs  student.1 (Linear)
#pragma once

namespace limbeck {

// While one of these lives, this thread looks at every value and every gradient that an op makes,
// and the first one that holds a NaN or an infinity is an Error: it names the op, the layer, the
// element, and whether an input was at fault before. Costs a pass over each result, and gradients
// no longer go to their sinks in parts (core/gradient_sink.h).
//
//   const DetectAnomaly detect_anomaly;
//   cross_entropy(model(images), class_ids).backward();
//   // model.3 (Function): detect_anomaly: log made the first value that is not finite: NaN at …
class DetectAnomaly {
 public:
  DetectAnomaly();
  ~DetectAnomaly();
  DetectAnomaly(const DetectAnomaly&) = delete;
  DetectAnomaly& operator=(const DetectAnomaly&) = delete;
};

}  // namespace limbeck
