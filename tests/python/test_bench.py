# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The benchmark's cases of matrices, and how its processes start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from isokern.cli import main


@pytest.mark.parametrize("words", ["apply_reflectors", "form_q", "qr,", "haar"])
def test_all_competitors_agree(words, tmp_path, capsys):
    path = tmp_path / "times.json"
    arguments = ["bench", "orthogonal", "--quick", "--threads", "1", "--peers", "numpy,scipy"]
    assert main([*arguments, "--case", words, "--json", str(path)]) == 0
    assert "GFLOP/s" in capsys.readouterr().out
    (entry,) = json.loads(path.read_text())["runs"]
    assert entry["failed"] == []
    for case in entry["cases"]:
        assert case["left_out"] == []
        assert case["ratios"]
        for row in case["competitors"]:
            assert (row["difference"] is None) == row["name"].endswith("the map alone")
            assert (row["gflop_per_s"] is None) == row["name"].endswith("the map alone")


def test_a_part_of_the_work_has_no_ratio(tmp_path):
    path = tmp_path / "times.json"
    arguments = ["bench", "orthogonal", "--quick", "--threads", "1", "--peers", "numpy"]
    assert main([*arguments, "--case", "apply_reflectors_vjp", "--json", str(path)]) == 0
    ((case,),) = (run["cases"] for run in json.loads(path.read_text())["runs"])
    names = [row["name"] for row in case["competitors"]]
    assert names == ["isokern", "isokern, the map alone"]
    assert [ratio["mode"] for ratio in case["ratios"]] == ["new output"]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores are bound on Linux alone")
def test_a_measuring_process_gives_each_library_its_threads(tmp_path):
    pytest.importorskip("threadpoolctl")
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two processors")
    from isokern.bench import run

    helper = tmp_path / "helper.py"
    helper.write_text(
        "import json, os, threadpoolctl\n"
        "def main():\n"
        "    import isokern\n"
        "    pools = [p['num_threads'] for p in threadpoolctl.threadpool_info()\n"
        "             if p['internal_api'] == 'openblas']\n"
        "    threads = [sorted(os.sched_getaffinity(int(name)))\n"
        "               for name in os.listdir('/proc/self/task') if name != str(os.getpid())]\n"
        "    print(json.dumps([pools, threads]))\n"
        "    return 0\n"
    )
    start = Path(run.__file__).with_name("start.py")
    environment = run.environment(2, "tuned", os.environ) | {"PYTHONPATH": str(tmp_path)}
    process = subprocess.run(
        [sys.executable, str(start), "helper"],
        env=environment, capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    pools, threads = json.loads(process.stdout)
    if not pools:
        pytest.skip("NumPy computes with another library than OpenBLAS")
    assert set(pools) == {2}
    assert threads == [sorted(os.sched_getaffinity(0))[1:2]] * len(pools)
