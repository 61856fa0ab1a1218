# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""What `torch.compile` calls without looking into it; a module, as it takes a second to import."""

import torch

from isokern.torch._function import Function
from isokern.torch._haar import Rotate

apply = torch.compiler.disable(Function.apply)
rotate = torch.compiler.disable(Rotate.apply)
