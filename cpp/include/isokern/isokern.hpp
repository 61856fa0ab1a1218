// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Everything.
#pragma once

#include "config.hpp"
#include "dtype.hpp"
#include "error.hpp"
#include "gaussian.hpp"
#include "halffloat.hpp"
#include "orthogonal.hpp"
#include "projection.hpp"
#include "random.hpp"
#include "rope.hpp"
#include "runtime.hpp"
#include "spectrum.hpp"
#include "views.hpp"
