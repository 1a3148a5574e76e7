"""The results of a run as a Markdown table and two plots."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

Results = dict[str, Any]


def parts(results: Results, part: str) -> list[dict[str, Any]]:
    return [p for p in results["parts"] if p["part"] == part]


def plural(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + "s" * (n != 1)


def medians(part: dict[str, Any], family_of: dict[str, str]) -> dict[str, float]:
    """Nanoseconds per logit; the fastest of the plain reads stands for all."""
    found: dict[str, float] = {}
    for name, samples in part["samples"].items():
        key = "plain read" if family_of[name] == "read" else name
        found[key] = min(found.get(key, math.inf), statistics.median(samples))
    return found


def number(x: float) -> str:
    return f"{x:#.3g}" if x < 100 else f"{x:.0f}"


def time_cell(ns: float | None, libentropy: float) -> str:
    return "" if ns is None else f"{number(ns)} ({number(ns / libentropy)})"


def error_cell(error: float | None) -> str:
    return "" if error is None else "NaN" if math.isnan(error) else f"{error:.1e}"


def markdown(results: Results) -> str:
    family_of = results["families"]
    timings = sorted(parts(results, "cache") + parts(results, "memory"), key=lambda p: p["threads"])
    columns = [medians(p, family_of) for p in timings]
    heads = [f"{'in cache' if p['part'] == 'cache' else 'memory'}, {plural(p['threads'], 'thread')}" for p in timings]
    errors = {name: kinds for p in parts(results, "errors") for name, kinds in p["errors"].items()}
    kinds = list(dict.fromkeys(kind for of_kinds in errors.values() for kind in of_kinds))
    by_time = next((c for p, c in zip(timings, columns) if p["part"] == "memory"), {})
    names = sorted({**errors, **{name: 0 for c in columns for name in c}}, key=lambda name: by_time.get(name, math.inf))

    lines = [f"- {key}: {value}" for key, value in results["header"].items()]
    for head, p in zip(heads, timings):
        repetitions = min((len(samples) for samples in p["samples"].values()), default=0)
        huge = f", {p['huge_pages']:.0%} on huge pages" if "huge_pages" in p else ""
        rows = f"{plural(p['rows'], 'row')} of {p['vocab']:,} float32 logits"
        lines.append(f"- {head}: {rows}{huge}; medians of {repetitions}")
    lines += ["", "Nanoseconds per logit (times libentropy); then the worst relative error of the entropy.", ""]
    lines += ["| | " + " | ".join([*heads, *kinds]) + " |", "|---" * (1 + len(heads) + len(kinds)) + "|"]
    for name in names:
        cells = [time_cell(c.get(name), c["libentropy"]) for c in columns]
        cells += [error_cell(errors.get(name, {}).get(kind)) for kind in kinds]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines + not_measured(results)) + "\n"


def not_measured(results: Results) -> list[str]:
    where: dict[str, list[str]] = {f"{name}: {why}": [] for name, why in results["not_built"].items()}
    for p in results["parts"]:
        for name, why in p["failures"].items():
            where.setdefault(f"{name}: {why}", []).append(f"{p['part']}, {plural(p['threads'], 'thread')}")
    lines = [f"- {what}" + (f" ({'; '.join(dict.fromkeys(places))})" if places else "")
             for what, places in where.items()]
    return ["", "Not measured:", "", *lines] if lines else []


COLOURS = {"libentropy": "C3", "libentropy-python": "C3", "read": "k", "loop": "C0", "torch": "C1", "jax": "C2",
           "onnxruntime": "C4", "numpy": "C5", "scipy": "C6"}
MARKERS = "os^vD<>phPX"


def draw(results: Results, directory: Path) -> None:
    """Raises ImportError where there is no matplotlib."""
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams.update({
        "svg.fonttype": "none", "svg.hashsalt": "", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3,
        "axes.spines.top": False, "axes.spines.right": False})
    if (errors := parts(results, "errors")) and (memory := parts(results, "memory")):
        draw_errors(errors[0]["errors"], memory[0], results["families"], directory / "errors.svg")
    if roofline := parts(results, "roofline"):
        draw_roofline(roofline, results, directory / "roofline.svg")


def draw_errors(errors: dict[str, dict[str, float]], memory: dict[str, Any], family_of: dict[str, str],
                path: Path) -> None:
    """Time per logit over error. A point that would be NaN is missing, one that is exact stands at 1e-9."""
    import matplotlib.pyplot as plt

    times = medians(memory, family_of)
    figure, axes = plt.subplots(1, 2, figsize=(13, 5), sharey=True, layout="constrained")
    markers = {colour: iter(MARKERS) for colour in COLOURS.values()}
    for name in sorted(set(errors) & set(times), key=times.__getitem__):
        colour = COLOURS[family_of[name]]
        marker = next(markers[colour], ".")
        for axis, kind in zip(axes, ("ordinary", "nearly certain")):
            axis.plot(max(1e-9, errors[name][kind]), times[name], marker, color=colour, label=name)
            axis.set(xlabel="relative error of the entropy", title=f"{kind} rows")
    for axis in axes:
        axis.set_xscale("log")
        plain_decades(axis)
        if "plain read" in times:
            axis.axhline(times["plain read"], color="k", linewidth=0.8, linestyle=":", label="plain read")
    axes[0].set_ylabel(f"ns per logit, from memory, {plural(memory['threads'], 'thread')}")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", fontsize=7)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def draw_roofline(roofline: list[dict[str, Any]], results: Results, path: Path) -> None:
    import matplotlib.pyplot as plt

    threads = sorted({p["threads"] for p in roofline})
    size = (6.5 * len(threads), 5)
    figure, axes = plt.subplots(1, len(threads), figsize=size, sharey=True, layout="constrained", squeeze=False)
    for axis, t in zip(axes[0], threads):
        lines: dict[str, list[tuple[int, float]]] = {}
        for p in roofline:
            if p["threads"] == t:
                for name, ns in medians(p, results["families"]).items():
                    lines.setdefault(name, []).append((4 * p["rows"] * p["vocab"], ns))
        for name, points in lines.items():
            colour = COLOURS[results["families"].get(name, "read")]
            axis.plot(*zip(*points), "o-", markersize=3, label=name, color=colour)
        for label, (size, cpus) in results["caches"].items():
            of_all = size * math.ceil(t / cpus)
            axis.axvline(of_all, color="k", linewidth=0.6, linestyle=":")
            axis.annotate(label, (of_all, 1), xycoords=("data", "axes fraction"), fontsize=7, ha="right", va="top",
                          rotation=90)
        axis.set_xscale("log", base=2)
        axis.xaxis.set_major_formatter(lambda size, _: binary_size(size))
        plain_decades(axis)
        axis.set(xlabel="size of all rows", title=plural(t, "thread"))
        axis.legend(fontsize=7)
    axes[0][0].set_ylabel("ns per logit")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def plain_decades(axis: Any) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(NullFormatter())


def binary_size(size: float) -> str:
    unit = min(3, int(math.log2(size)) // 10)
    return f"{size / 2 ** (10 * unit):g} {('B', 'KB', 'MB', 'GB')[unit]}"
