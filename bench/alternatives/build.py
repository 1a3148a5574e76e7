"""Compiles the plain reads and the loops, each set of flags into a shared library of its own."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

here = Path(__file__).resolve().parent
root = here.parents[1]


def compiler() -> list[str]:
    return shlex.split(os.environ.get("CC", "cc"))


def libentropy() -> Path | None:
    """$ENTROPY_LIBRARY, or what the preset `release` builds, or what is installed."""
    if named := os.environ.get("ENTROPY_LIBRARY"):
        return Path(named)
    built = root / "build/release/libentropy.so.0"
    return built if built.exists() else runtime_library("libentropy.so.0")


def runtime_library(soname: str) -> Path | None:
    """The file that the linker would take; None where there is no compiler or no such file."""
    try:
        run = subprocess.run([*compiler(), f"-print-file-name={soname}"], capture_output=True, text=True)
    except OSError:
        return None
    path = Path(run.stdout.strip())
    return path if path.is_absolute() else None


def compile_library(target: Path, sources: list[Path], flags: list[str], libraries: Sequence[str] = ()) -> None:
    # Linked without -Ofast, which would set flush-to-zero for the whole process.
    objects = [target.with_name(f"{target.stem}-{source.stem}.o") for source in sources]
    for source, object_ in zip(sources, objects):
        _run([*flags, "-fPIC", "-fopenmp", "-c", str(source), "-o", str(object_)])
    _run(["-shared", "-fopenmp", *map(str, objects), "-o", str(target), *libraries])
    for object_ in objects:
        object_.unlink()


def _run(arguments: list[str]) -> str:
    command = [*compiler(), *arguments]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        errors = [line for line in run.stderr.splitlines() if "error" in line] or [run.stderr.strip()]
        raise RuntimeError(f"{command[0]}: {errors[0]}")
    return run.stdout


def loops(march: str) -> dict[str, tuple[list[str], list[str]]]:
    """Names of the loops for one -march, their flags and libraries."""
    macros = _run([f"-march={march}", "-dM", "-E", "-xc", "/dev/null"])
    fast = ["-Ofast", f"-march={march}"]
    variants = {f"C loop, {shlex.join(fast)}": (fast, ["-lm"])}
    if "__AVX__" in macros:
        variants[f"C loop, Sleef_expf8_u10, {shlex.join(fast)}"] = ([*fast, "-DSLEEF_LANES=8"], ["-lsleef", "-lm"])
    if "__AVX512F__" in macros:
        wide = [*fast, "-mprefer-vector-width=512"]
        variants[f"C loop, {shlex.join(wide)}"] = (wide, ["-lm"])
        variants[f"C loop, Sleef_expf16_u10, {shlex.join(wide)}"] = ([*wide, "-DSLEEF_LANES=16"], ["-lsleef", "-lm"])
    return variants


def build(directory: Path, marchs: list[str]) -> dict[str, str]:
    """Fills a directory that needs nothing else; which loops cannot be had, and why."""
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.so"):
        old.unlink()
    entropy = libentropy()
    if entropy is None or not entropy.exists():
        raise SystemExit("libentropy.so.0 is missing: cmake --workflow --preset demo builds it, or set ENTROPY_LIBRARY")
    shutil.copy(entropy, directory / "libentropy.so.0")
    for soname in ["libgomp.so.1", "libsleef.so.3"]:
        if path := runtime_library(soname):
            shutil.copy(path, directory / soname)
    try:
        version = _run(["--version"]).splitlines()[0]
        compile_library(directory / "harness.so", [here / "harness.c", here.parent / "plain_read.c"], ["-O3"])
        variants = {"C loop, -O2": (["-O2"], ["-lm"])}
        for march in marchs:
            variants |= loops(march)
    except (OSError, RuntimeError) as error:
        return {"plain read, C loop": f"no compiler that works: {error}"}
    (directory / "compiler.txt").write_text(version + "\n")
    failures = {}
    for number, (name, (flags, libraries)) in enumerate(variants.items()):
        try:
            compile_library(directory / f"loop-{number}.so", [here / "loops.c"], [*flags, f'-DNAME="{name}"'], libraries)
        except RuntimeError as error:
            failures[name] = str(error)
    return failures
