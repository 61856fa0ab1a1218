# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The package as a whole: versions, stubs, what an import costs, processes, instruction sets."""

import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import isokern
from isokern import _core, orthogonal

ROOT = Path(__file__).parents[2]
HEAVY = ["dask", "matplotlib", "ml_dtypes", "rich", "safetensors", "scipy", "sklearn", "torch"]


def run(code, *arguments, **environment):
    """Run Python code in a process of its own, where warnings are errors; return what it prints."""
    # Since 3.12 Python warns of every fork beside threads, the library's own among them.
    options = ["-W", "error", "-W", "ignore:.*fork:DeprecationWarning"]
    done = subprocess.run(
        [sys.executable, *options, "-c", code, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_one_version_everywhere():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.*)"$', text, re.MULTILINE).group(1)
    assert isokern.__version__ == version
    assert importlib.metadata.version("isokern") == version
    assert _core.build_info()["version"] == version  # what C++ programs get


@pytest.mark.skipif(
    importlib.util.find_spec("pybind11_stubgen") is None
    or importlib.metadata.version("pybind11-stubgen") != "3.0.0",
    reason="pybind11-stubgen 3.0.0 writes the stub",
)
def test_the_stub_is_what_the_extension_says(tmp_path):
    command = [sys.executable, "-m", "pybind11_stubgen", "isokern._core", "-o", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    wanted = (tmp_path / "isokern" / "_core.pyi").read_text(encoding="utf-8")
    for folder in (ROOT / "python" / "isokern", Path(isokern.__file__).parent):
        assert (folder / "_core.pyi").read_text(encoding="utf-8") == wanted, folder


def test_import_is_cheap():
    """Importing costs a few milliseconds over NumPy; 50 are far too many on any machine."""
    code = """
import numpy, time
start = time.perf_counter()
import isokern
print(time.perf_counter() - start)
"""
    assert min(float(run(code)) for _ in range(5)) < 0.050


def test_import_needs_numpy_alone():
    code = """
import sys
import isokern, isokern.orthogonal, isokern.projection, isokern.rope
print(*sorted(name for name in sys.modules if "." not in name))
"""
    assert not set(HEAVY) & set(run(code).split())
    lazy = "import sys, isokern; print(*[m for m in sys.modules if m.startswith('isokern')])"
    assert set(run(lazy).split()) <= {"isokern", "isokern._core"}


def test_torch_comes_on_demand():
    code = """
import sys
sys.modules["torch"] = None  # as if it were not installed
from isokern import *
assert "torch" not in globals()
import isokern
isokern.orthogonal.reflect([1.0], [1.0])
try:
    isokern.torch
except ImportError as error:
    print(error)
"""
    assert run(code) == 'isokern.torch needs PyTorch: pip install "isokern[torch]"'


def test_every_public_name_exists():
    for name in isokern.__all__:
        assert getattr(isokern, name) is not None
        assert name in dir(isokern)
    with pytest.raises(AttributeError, match="no_such_area"):
        _ = isokern.no_such_area


PARALLEL = """
import os, sys, time
import numpy as np
import isokern
from isokern import orthogonal
a, b, x = np.random.default_rng(0).normal(size=(3, 20_000, 64))
call = lambda: orthogonal.rotate_between(a, b, x)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_computes():
    """A child of a process that ran in parallel must not wait for threads that it has not got."""
    code = """
isokern.set_num_threads(2)
wanted = call()
child = os.fork()
if child == 0:
    os._exit(0 if np.array_equal(call(), wanted) and isokern.get_num_threads() == 1 else 1)
for _ in range(600):
    pid, status = os.waitpid(child, os.WNOHANG)
    if pid:
        break
    time.sleep(0.1)
else:
    os.kill(child, 9)
    sys.exit("the child hangs")
assert status == 0, status
assert isokern.get_num_threads() == 2 and np.array_equal(call(), wanted)
"""
    run(PARALLEL + code)


def test_subnormals_survive():
    """Neither the import nor a parallel call sets a thread to flush small numbers to zero."""
    code = """
import threading
def survive():
    for dtype, tiny in ((np.float32, 1e-40), (np.float64, 1e-310)):
        assert np.all(np.full(100, tiny, dtype) * dtype(1) != 0)
        assert dtype(tiny) * dtype(0.5) != 0
failures = []
threading.excepthook = failures.append
def everywhere():
    survive()
    thread = threading.Thread(target=survive)
    thread.start()
    thread.join()
    assert not failures
everywhere()
call()
everywhere()
"""
    run(PARALLEL + code)


def results_of(isa, folder):
    """Return the active set and some results of a process that asks for an instruction set."""
    code = """
import sys
import numpy as np
import isokern
from isokern import _core, orthogonal, rope
results = {"bits": _core.random_bits(7, 8, 9, 100_003)}
rng = np.random.default_rng(0)
for dtype in (np.float32, np.float64):
    a, b, x = rng.standard_normal((3, 50, 77), dtype)
    results[f"rotated {dtype.__name__}"] = orthogonal.rotate_between(a, b, x)
    results[f"reflected {dtype.__name__}"] = orthogonal.reflect(a, x)
    q = rng.standard_normal((3, 40, 64), dtype)
    results[f"turned {dtype.__name__}"] = rope.apply(q, plan=rope.plan(64))
results["half"] = _core.float_to_f16(rng.standard_normal(1003, np.float32))
np.savez(sys.argv[1], **results)
print(isokern.active_isa())
"""
    file = folder / f"{isa}.npz"
    active = run(code, file, ISOKERN_ISA=isa)
    with np.load(file) as stored:
        return active, dict(stored)


def test_instruction_sets_agree(tmp_path):
    """ISOKERN_ISA lowers the set; integers stay the same, floats to a few units."""
    widest = run("import isokern; print(isokern.active_isa())", ISOKERN_ISA="")
    built = _core.build_info()["isas"]
    assert widest in built
    active, wanted = results_of("no such set", tmp_path)
    assert active == widest
    for isa in built[: built.index(widest) + 1]:
        active, results = results_of(isa, tmp_path)
        assert active == isa
        for name, value in results.items():
            if value.dtype.kind == "u":
                np.testing.assert_array_equal(value, wanted[name], err_msg=f"{name} on {isa}")
            else:
                scale = np.abs(wanted[name]).max(axis=-1, keepdims=True)
                error = np.abs(value - wanted[name]) / scale / np.finfo(value.dtype).eps
                assert error.max() <= 8, f"{name} on {isa}"


def test_the_gil_is_released():
    a, b = np.random.default_rng(0).normal(size=(2, 2_000_000))
    x = np.ones((10, 2_000_000))
    out = np.empty_like(x)
    call = threading.Thread(target=orthogonal.rotate_between, args=(a, b, x), kwargs={"out": out})
    with isokern.threads(1):
        call.start()
        turns = 0
        while call.is_alive():
            turns += 1
            time.sleep(0.001)
    assert turns >= 5


def test_the_example_of_the_readme():
    """README.md shows the program that the consumer projects compile and run."""
    example = (ROOT / "tests" / "consumer" / "example.cpp").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert example in re.findall(r"```cpp\n(.*?)```", readme, re.DOTALL)


@pytest.mark.parametrize(
    ("option", "holds"),
    [
        ("--cmakedir", "isokern-config.cmake"),
        ("--includedir", "isokern/isokern.hpp"),
        ("--libdir", "*isokern*"),
    ],
)
def test_where_the_cpp_files_are(option, holds):
    done = subprocess.run(
        [sys.executable, "-m", "isokern", option], capture_output=True, text=True, check=True
    )
    folder = Path(done.stdout.strip())
    assert folder.is_dir()
    assert list(folder.glob(holds))
