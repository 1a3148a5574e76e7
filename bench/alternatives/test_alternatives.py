"""That `run` measures what it says, refuses wrong results, and tells what is missing; with NumPy and loops in C only."""

import decimal
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

import measure
import report
from alternatives import Alternative, Call

here = Path(__file__).resolve().parent


def fake(results):
    return Alternative("fake", "numpy", lambda rows: Call(lambda: results))


class Oracle(unittest.TestCase):
    def test_agrees_with_decimal(self):
        rows = measure.ordinary_rows(3, 200)
        rows[1, 7] = rows[1].max() + 25
        rows[2, 5] = -np.inf
        with decimal.localcontext(prec=60):
            for row, found in zip(rows, measure.oracle(rows)):
                z = [decimal.Decimal(float(x)) for x in row if x > -np.inf]
                sum_exp = sum(x.exp() for x in z)
                expected = sum_exp.ln() - sum(x * x.exp() for x in z) / sum_exp
                self.assertLess(abs(decimal.Decimal(str(found)) / expected - 1), 1e-10)


class Checks(unittest.TestCase):
    rows = measure.ordinary_rows(3, 200)
    entropies = measure.oracle(rows)

    def why_refused(self, results):
        timed = measure.time_rows([fake(results)], self.rows, self.entropies, 2, 0)
        self.assertEqual(timed["samples"], {})
        return timed["failures"]["fake"]

    def test_right_results_are_timed(self):
        timed = measure.time_rows([fake(self.entropies.astype(np.float32))], self.rows, self.entropies, 2, 0)
        self.assertEqual(timed["failures"], {})
        self.assertEqual(len(timed["samples"]["fake"]), 2)

    def test_one_wrong_row_is_refused(self):
        self.assertIn("wrong", self.why_refused(self.entropies * [1, 1, 1.01]))

    def test_one_nan_is_refused(self):
        self.assertIn("nan", self.why_refused(self.entropies * [1, np.nan, 1]))

    def test_another_shape_is_refused(self):
        self.assertIn("shape", self.why_refused(self.entropies[:1]))

    def test_failures_are_told(self):
        def prepare(rows):
            raise MemoryError("not enough")
        timed = measure.time_rows([Alternative("fake", "numpy", prepare)], self.rows, self.entropies, 2, 0)
        self.assertEqual(timed["failures"], {"fake": "MemoryError: not enough"})

    def test_plain_reads_must_read_all(self):
        sums = self.rows.sum(-1)
        for results, failures in [(sums, 0), (self.rows[:, :100].sum(-1), 1), (sums * np.nan, 1)]:
            read = Alternative("read", "read", lambda rows: Call(lambda: results))
            self.assertEqual(len(measure.time_rows([read], self.rows, self.entropies, 1, 0)["failures"]), failures)


class Run(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.out = Path(cls.directory.name)
        (cls.out / "blocked").mkdir()
        (cls.out / "blocked/jax.py").write_text("raise ImportError('blocked')")
        paths = [str(cls.out / "blocked"), os.environ.get("PYTHONPATH", "")]
        subprocess.run(
            [sys.executable, here / "run", "--threads", "1", "--repetitions", "3", "--bytes", "2M",
             "--seconds", "0.0001", "--only", "C loop, -|plain read|NumPy|JAX", "--out", cls.out],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)}, check=True, stdout=subprocess.DEVNULL)
        cls.results = json.loads((cls.out / "results.json").read_text())
        cls.table = (cls.out / "table.md").read_text()

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def parts(self, name):
        return [part for part in self.results["parts"] if part["part"] == name]

    def test_everything_is_timed(self):
        for name in ("cache", "memory"):
            (part,) = self.parts(name)
            self.assertEqual(part["rows"], {"cache": 1, "memory": 3}[name])
            self.assertGreaterEqual(set(part["samples"]), {
                "libentropy", "NumPy, log-softmax", "C loop, -O2", "C loop, -Ofast -march=native"})
            self.assertTrue(any(measured.startswith("plain read") for measured in part["samples"]))
            for samples in part["samples"].values():
                self.assertEqual(len(samples), 3)
                self.assertTrue(all(1e-3 < ns < 1e6 for ns in samples))  # nothing reads 4 TB/s
        sizes = [(part["rows"], part["vocab"]) for part in self.parts("roofline")]
        self.assertEqual(sizes, [(1, 4096), (1, 16384), (1, 65536), (1, 151936), (3, 151936)])

    def test_errors(self):
        (part,) = self.parts("errors")
        kinds = ["ordinary", "shifted by 430", "shifted by 1e5", "nearly certain", "one token masked"]
        for name in ("libentropy", "C loop, -O2", "NumPy, log-softmax"):
            self.assertEqual(list(part["errors"][name]), kinds)
        for kind in kinds:
            self.assertLess(part["errors"]["libentropy"][kind], 2e-6)  # 4e-7 + 7e-8 |log H|, for H > 1e-9
        self.assertTrue(math.isnan(part["errors"]["C loop, -O2"]["one token masked"]))
        self.assertGreater(part["errors"]["C loop, -O2"]["nearly certain"], 1e-3)

    def test_table_has_every_alternative(self):
        for name in ("libentropy", "plain read", "NumPy, log-softmax", "C loop, -O2", "C loop, -Ofast -march=native"):
            (line,) = [line for line in self.table.splitlines() if line.startswith(f"| {name} |")]
            self.assertEqual(line.count("|"), 9)
        measured, missing = self.table.split("Not measured:")
        self.assertNotIn("JAX", measured.split("Nanoseconds")[1])
        self.assertIn("JAX, jit of log-softmax: not installed: blocked", missing)

    def test_plots(self):
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            self.skipTest("no matplotlib")
        for name in ("errors.svg", "roofline.svg"):
            self.assertIn("C loop, -O", (self.out / name).read_text())

    def test_it_can_be_redrawn(self):
        subprocess.run([sys.executable, here / "run", "--redraw", self.out / "results.json"],
                       check=True, stdout=subprocess.DEVNULL)
        self.assertEqual((self.out / "table.md").read_text(), self.table)
        self.assertEqual(report.markdown(self.results), self.table)


if __name__ == "__main__":
    unittest.main()
