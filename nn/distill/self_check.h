// A look at the terms of an objective before a training: do they compute what they say?
#pragma once

#include "nn/distill/term.h"

namespace limbeck {

// Tries a term on random rows and on hard ones. `some`: a few images with their labels, of the kind
// that it will see, which all trials share. The term must be prepared, and nothing of it changes,
// nor of its modules. Takes at most about a second; trials for which there is no time are left out.
//
//   finite, value and gradient      logits of ±10⁴ on either side, equal ones, a gap of 200; taps
//                                   that are 0; one image; two classes
//   a scalar, and it has a gradient
//   what it promises (TermPromises) never negative; its value where both models agree; a constant
//                                   added to a row changes nothing, and gradients sum to 0 there
//   its gradient                    is that of differences, in some directions
//
// A term with modules is tried on as many classes as there are and on six images, and its value
// where both agree, which an adaptor may change, is not looked at. One whose value is another each
// time is not compared with differences. An error of the term's own for one image or two classes is
// its right.
// Error: "self_check: the term …" with what is wrong and where; or the term's own.
void check_term(const Term& term, const TermShapes& shapes, const Batch& some);

// The same for each term of an objective without taps, on blank images of all classes in turn: for
// tests of terms of one's own. Error: as above, or a term with taps.
void check_objective(const Objective& objective, Index classes);

}  // namespace limbeck
