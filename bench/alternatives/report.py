"""The results of a run as a Markdown table and two plots."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

Results = dict[str, Any]


def parts(results: Results, part: str) -> list[dict[str, Any]]:
    return [p for p in results["parts"] if p["part"] == part]


def families(results: Results) -> dict[str, str]:
    return results["families"]


def medians(part: dict[str, Any], family_of: dict[str, str]) -> dict[str, float]:
    """Nanoseconds per logit; the fastest of the plain reads stands for all."""
    found: dict[str, float] = {}
    for name, samples in part["samples"].items():
        key = "plain read" if family_of[name] == "read" else name
        found[key] = min(found.get(key, math.inf), statistics.median(samples))
    return found


def number(x: float) -> str:
    return f"{x:#.3g}".rstrip(".") if x < 1000 else f"{x:.0f}"


def cell(ns: float | None, unit: float) -> str:
    return "" if ns is None else f"{number(ns)} ({number(ns / unit)})"


def error_cell(error: float | None) -> str:
    return "" if error is None else "NaN" if math.isnan(error) else f"{error:.1e}"


def markdown(results: Results) -> str:
    family_of = results["families"]
    timings = sorted(parts(results, "cache") + parts(results, "memory"), key=lambda p: p["threads"])
    errors = {name: kinds for p in parts(results, "errors") for name, kinds in p["errors"].items()}
    kinds = list(dict.fromkeys(kind for row in errors.values() for kind in row))
    columns = [medians(p, family_of) for p in timings]
    where = {"cache": "in cache", "memory": "memory"}
    heads = [f"{where[p['part']]}, {p['threads']} thread{'s' * (p['threads'] > 1)}" for p in timings]
    order = [c for p, c in zip(timings, columns) if p["part"] == "memory"] + columns
    names = sorted(dict.fromkeys([*(name for c in columns for name in c), *errors]),
                   key=lambda name: order[0].get(name, math.inf) if order else 0)

    lines = [f"- {key}: {value}" for key, value in results["header"].items()]
    lines += [f"- {head}: {p['rows']} rows of {p['vocab']:,} float32 logits, medians of "
              f"{max((len(s) for s in p['samples'].values()), default=0)}"
              + (f", {p['huge_pages']:.0%} on huge pages" if "huge_pages" in p else "") for head, p in zip(heads, timings)]
    lines += ["", "Nanoseconds per logit (times libentropy); then the worst relative error of the entropy.", ""]
    lines += ["| | " + " | ".join([*heads, *kinds]) + " |", "|---" * (1 + len(heads) + len(kinds)) + "|"]
    for name in names:
        cells = [cell(c.get(name), c["libentropy"]) for c in columns]
        cells += [error_cell(errors.get(name, {}).get(kind)) for kind in kinds]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")

    failures: dict[str, list[str]] = {}
    for p in results["parts"]:
        for name, why in p["failures"].items():
            told = failures.setdefault(f"{name}: {why}", [])
            told.append(p["part"] + (f" with {p['threads']} threads" if "threads" in p else ""))
    failures |= {f"{name}: {why}": ["not built"] for name, why in results["not_built"].items()}
    if failures:
        lines += ["", "Not measured:", ""] + [f"- {what} ({', '.join(where)})" for what, where in failures.items()]
    return "\n".join(lines) + "\n"


def draw(results: Results, directory: Path) -> None:
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "", "font.size": 9, "axes.grid": True,
                                "grid.alpha": 0.3, "axes.spines.top": False, "axes.spines.right": False})
    _draw_errors(results, directory / "errors.svg")
    _draw_roofline(results, directory / "roofline.svg")


colours = {"libentropy": "C3", "libentropy-python": "C3", "read": "k", "loop": "C0", "torch": "C1", "jax": "C2", "onnxruntime": "C4",
           "numpy": "C5", "scipy": "C6"}


def _draw_errors(results: Results, path: Path) -> None:
    import matplotlib.pyplot as plt

    family_of = results["families"]
    memory = next(iter(parts(results, "memory")), None)
    errors = next(iter(parts(results, "errors")), None)
    if memory is None or errors is None:
        return
    times = medians(memory, family_of)
    kinds = ["ordinary", "nearly certain"]
    figure, axes = plt.subplots(1, 2, figsize=(11, 5), sharey=True, layout="constrained")
    for axis, kind in zip(axes, kinds):
        for name, kinds_of in errors["errors"].items():
            if name not in times or not kinds_of[kind] >= 0:
                continue
            error = max(kinds_of[kind], 1e-9)  # of a result that is exact
            axis.plot(error, times[name], "o", color=colours[family_of[name]])
            axis.annotate(name, (error, times[name]), textcoords="offset points", xytext=(5, 3), fontsize=6)
        axis.set(xscale="log", yscale="log", xlabel="relative error of the entropy", title=f"{kind} rows")
        if "plain read" in times:
            axis.axhline(times["plain read"], color="k", linewidth=0.8, linestyle=":")
    axes[0].set_ylabel(f"ns per logit, from memory, {memory['threads']} thread{'s' * (memory['threads'] > 1)}")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _draw_roofline(results: Results, path: Path) -> None:
    import matplotlib.pyplot as plt

    family_of = results["families"]
    threads = sorted({p["threads"] for p in parts(results, "roofline")})
    if not threads:
        return
    figure, axes = plt.subplots(1, len(threads), figsize=(5.5 * len(threads), 4.5), sharey=True, layout="constrained", squeeze=False)
    for axis, t in zip(axes[0], threads):
        lines: dict[str, list[tuple[float, float]]] = {}
        for p in parts(results, "roofline"):
            if p["threads"] == t:
                for name, ns in medians(p, family_of).items():
                    lines.setdefault(name, []).append((4 * p["rows"] * p["vocab"], ns))
        for name, points in lines.items():
            axis.plot(*zip(*points), "o-", markersize=3, label=name, color=colours[family_of.get(name, "read")])
        for label, size in results["caches"].items():
            axis.axvline(size, color="k", linewidth=0.6, linestyle=":")
            axis.annotate(label, (size, 1), xycoords=("data", "axes fraction"), fontsize=7, ha="right", va="top", rotation=90)
        axis.set(xscale="log", yscale="log", xlabel="bytes of logits", title=f"{t} thread{'s' * (t > 1)}")
        axis.legend(fontsize=7)
    axes[0][0].set_ylabel("ns per logit")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
