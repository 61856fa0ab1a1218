// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// What the library throws. Every message reads "function: argument ..., expected ...".
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

#include "config.hpp"

namespace isokern {

/// A size, stride, range or value that the function does not take. Nothing has been written.
class ISOKERN_API invalid_argument : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
  ~invalid_argument() override;
};

/// Valid input for which the result does not exist, as a factorisation that breaks down.
class ISOKERN_API numerical_error : public std::runtime_error {
 public:
  numerical_error(const std::string& what, std::ptrdiff_t item)
      : std::runtime_error(what), item_(item) {}
  ~numerical_error() override;

  /// The first such item of the batch, counted in row-major order.
  std::ptrdiff_t item() const noexcept { return item_; }

 private:
  std::ptrdiff_t item_;
};

/// What a function does when the result of an item does not exist.
enum class OnError {
  raise,        ///< look at all items first, throw before anything is written
  raise_after,  ///< one pass: throw at the end, with the output written; for outputs that are
                ///< discarded then
  nan           ///< one pass: such items become NaN
};

}  // namespace isokern
