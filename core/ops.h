// All ops, for those who use them; each header says what its ops compute and their gradients.
#pragma once

#include "core/activation.h"
#include "core/arithmetic.h"
#include "core/convolution.h"
#include "core/matmul.h"
#include "core/normalize.h"
#include "core/pool.h"
#include "core/reduce.h"
#include "core/shape_ops.h"
#include "core/softmax.h"
