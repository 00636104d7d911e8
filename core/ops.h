// All ops, for those who use them; each header says what its ops compute and their gradients.
#pragma once

#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/convolution.h"
#include "core/ops/gather.h"
#include "core/ops/matmul.h"
#include "core/ops/normalize.h"
#include "core/ops/pool.h"
#include "core/ops/reduce.h"
#include "core/ops/shape_ops.h"
#include "core/ops/slice.h"
#include "core/ops/softmax.h"
#include "core/ops/upsample.h"
