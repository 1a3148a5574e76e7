"""What the README and the docstrings show is what comes out."""

import doctest
from pathlib import Path

import numpy as np
import pytest

import libentropy
import libentropy._calls
import libentropy._state

pytest.importorskip("torch")
pytest.importorskip("dask.array")


def test_readme():
    failed, tried = doctest.testfile(str(Path(__file__).parents[1] / "README.md"), module_relative=False)
    assert tried >= 15 and failed == 0


@pytest.mark.parametrize("module", [libentropy, libentropy._calls, libentropy._state])
def test_docstrings(module):
    failed, tried = doctest.testmod(module, extraglobs={"np": np})
    assert tried >= 2 and failed == 0
