// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Shared by orthogonal.cpp and orthogonal_vjp.cpp.
#pragma once

#include <initializer_list>

#include "rows.hpp"

namespace isokern {

// The batch axes of a and b, broadcast together.
struct PairBatch {
  Layout shape, a, b;

  PairBatch(const char* function, const ConstView& first, const ConstView& second)
      : shape(broadcast_shapes(batch_of(first), batch_of(second), function, "b")),
        a(broadcast_to(batch_of(first), shape, function, "a")),
        b(broadcast_to(batch_of(second), shape, function, "b")) {}
};

// float32 or float64 rows of one length, that of `first`.
inline void require_same_rows(const char* function, const Named& first,
                              std::initializer_list<Named> others) {
  require_float(function, first);
  const ConstView& view = first.view;
  const std::ptrdiff_t d = view.rank > 0 ? view.shape[view.rank - 1] : 0;
  require_rows(function, first, d, view.dtype);
  for (const Named& other : others) require_rows(function, other, d, view.dtype);
}

// The two vectors, or the vector and its factor, as suspects.
inline Suspect suspect(const char* name, const ConstView& rows) {
  return {name, batch_of(rows)};
}
inline Suspect suspect_tau(const ConstView& tau) {
  return {"tau", tau, "is not finite", "a finite number"};
}

// tau is absent, or of the dtype of the rows.
inline void require_tau(const char* function, const ConstView& tau, Dtype dtype) {
  if (tau) require_dtype(function, {"tau", tau}, dtype);
}

}  // namespace isokern
