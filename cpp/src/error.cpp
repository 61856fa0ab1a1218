// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The destructors, out of line: they anchor the type information that lets an exception be caught
// across libraries.
#include "isokern/error.hpp"

namespace isokern {

invalid_argument::~invalid_argument() = default;
numerical_error::~numerical_error() = default;

}  // namespace isokern
