# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Checks of numbers that measures take."""

from __future__ import annotations

import math
from typing import Any


def check_alpha(function: str, alpha: Any) -> float:
    """A valid order."""
    number = float(alpha)
    if not (0 < number < math.inf) or number == 1:
        raise ValueError(
            f"{function}: alpha is {alpha!r}, expected a positive finite number other than 1"
        )
    return number


def check_weight(function: str, weight: Any) -> float:
    """A valid weight."""
    number = float(weight)
    if not 0 <= number <= 1:
        raise ValueError(f"{function}: weight is {weight!r}, expected a number from 0 to 1")
    return number
