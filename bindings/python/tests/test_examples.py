"""The examples run, and show what they say."""

import runpy
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")


def test_entropy_bonus(tmp_path, monkeypatch, capsys):
    picture = tmp_path / "bonus.png"
    monkeypatch.setattr(sys, "argv", ["entropy_bonus.py", str(picture)])
    example = runpy.run_path(str(Path(__file__).parents[1] / "examples/entropy_bonus.py"))
    last = example["main"]()
    assert last[0.3] > last[0.0] > 0.5
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out.count("reward") == 2
