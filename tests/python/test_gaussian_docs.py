# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The examples in the docstrings run, and every public function has one."""

import doctest
import inspect
import sys

import pytest

from isokern import gaussian, reference

NAMES = [*gaussian.__all__]


@pytest.mark.parametrize("name", NAMES)
def test_examples(name):
    function = getattr(gaussian, name)
    module = sys.modules[function.__module__]
    found = doctest.DocTestFinder(recurse=False).find(function, name, module)
    runner = doctest.DocTestRunner()
    for test in found:
        runner.run(test)
    assert runner.summarize().failed == 0
    assert runner.summarize().attempted > 0


def test_examples_of_the_reference():
    failed, tried = doctest.testmod(reference.spectrum)
    assert failed == 0
    assert tried > 0


@pytest.mark.parametrize("name", [n for n in NAMES if n != "Moments" and not n.endswith("_vjp")])
def test_sources_and_results_are_named(name):
    text = inspect.getdoc(getattr(gaussian, name))
    for section in ("Returns", "Raises", "References"):
        assert f"\n{section}\n---" in text, section
