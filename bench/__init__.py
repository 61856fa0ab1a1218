# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Head-to-head benchmarks: ``isokern bench``. The method is described in README.md."""
