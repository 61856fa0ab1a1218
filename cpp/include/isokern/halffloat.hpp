// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Conversion between float32 and the 16-bit types: round to nearest, ties to even; infinities,
// subnormals and NaN kept (a NaN stays a NaN and becomes quiet).
#pragma once

#include <cstddef>

#include "views.hpp"

namespace isokern {

ISOKERN_API void to_float16(const float* x, std::ptrdiff_t n, float16* out);
ISOKERN_API void to_bfloat16(const float* x, std::ptrdiff_t n, bfloat16* out);
ISOKERN_API void to_float32(const float16* x, std::ptrdiff_t n, float* out);
ISOKERN_API void to_float32(const bfloat16* x, std::ptrdiff_t n, float* out);

}  // namespace isokern
