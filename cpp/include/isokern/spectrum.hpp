// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Functions of the eigenvalues of large symmetric matrices.
#pragma once

#include "config.hpp"
#include "views.hpp"

namespace isokern {

/// tr A^(1/2) and tr A^-1 of a symmetric positive definite matrix a (d, d), of which the lower
/// triangle is read; out (2). Through a band, without the eigenvalues: an error of the sum is about
/// eps |A| tr A^-1/2. NaN where the matrix is not positive definite or not finite, or its condition
/// may be above 1e7.
ISOKERN_API void trace_root(const ConstView& a, const View& out);

}  // namespace isokern
