#!/usr/bin/env python3
"""Puts one deliberate defect of mutants.txt after another into a copy of the tree, and asks the everyday tests: each must be noticed.

    SOURCE=path/of/the/tree mutate.py [WORD...]

works in the current directory. With words, only those defects are tried in whose file or description one of them occurs; with
ENTROPY_MUTANTS_EVERY=N in the environment, only every Nth of the list."""
import json
import os
import platform
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = Path(os.environ.get("SOURCE") or HERE / "../../..")
PARTS = ["CMakeLists.txt", "LICENSE", "README.md", "cmake", "include", "kernels", "src", "tests"]
# -O1 builds in half the time, and no bit of a result depends on it. (To Release, CMakeLists.txt would add -O3.)
CONFIGURE = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Mutants", "-DENTROPY_BUILD_TESTS=ON", "-DCMAKE_C_FLAGS=-O1", "-DCMAKE_CXX_FLAGS=-O1"]
TIMEOUT = "120"  # seconds that a test may take; a defect that makes it take longer has been noticed
ISAS = {"avx2": "AVX2", "avx512": "AVX-512", "neon": "NEON"}  # a defect of one of them shows where it runs
ENVIRONMENT = {name: x for name, x in os.environ.items() if not name.startswith("ENTROPY_")}


def read_list():
    """The defects as [number, file, what it breaks, text, replacement]."""
    mutants, errors = [], []
    for block in re.sub(r"^#.*\n", "", (HERE / "mutants.txt").read_text("utf-8"), flags=re.M).strip().split("\n\n"):
        head, *lines = block.strip().split("\n")
        path, _, what = head.partition(": ")
        old, new = ("\n".join(line[2:] for line in lines if line[:1] == sign) for sign in "-+")
        mutants.append([len(mutants) + 1, path, what, old, new])
        count = (SOURCE / path).read_text("utf-8").count(old) if old else 0
        if count != 1 or old == new or not all(line[:2] in ("- ", "+ ", "+") for line in lines):
            errors.append(f"mutants.txt, {len(mutants)}, {head}: there {count} times, not once, or no change:\n{old}")
    if errors:
        sys.exit("\n".join(errors))
    return mutants


class Copy:
    """A copy of the tree, with a build directory of its own; `seconds` is what each test takes. Without tests: all there are."""

    def __init__(self, name, tests=(), options=(), divide="1"):
        shutil.rmtree(name, ignore_errors=True)
        os.makedirs(name)
        for part in PARTS:
            (shutil.copytree if (SOURCE / part).is_dir() else shutil.copy)(SOURCE / part, f"{name}/{part}")
        self.name, self.targets, self.log = name, tests or ["all"], open(f"{name}.log", "w", encoding="utf-8")
        self.environment = {**ENVIRONMENT, "ENTROPY_TEST_DIVIDE": divide}
        self.ctest = ["ctest", "--test-dir", f"{name}/build"]
        self.configured = self.run("cmake", "-S", name, "-B", f"{name}/build", *CONFIGURE, *options) == 0
        if self.configured and not tests:
            tests = [t["name"] for t in json.loads(subprocess.check_output([*self.ctest, "--show-only=json-v1"]))["tests"]]
        self.seconds = dict.fromkeys(tests, 0)

    def run(self, *command, **more):
        environment = {**self.environment, **more}
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment, check=False).returncode

    def build(self):
        return self.run("cmake", "--build", f"{self.name}/build", "--parallel", "1", "--target", *self.targets) == 0

    def first_failure(self, near=""):
        """The test that fails, or None. The quickest are tried first; before them, those whose name has `near` in it."""
        for test in sorted(self.seconds, key=lambda t: (near not in t, self.seconds[t])):
            start = time.monotonic()
            if self.run(*self.ctest, "-R", f"^{re.escape(test)}$", "--no-tests=error", "--output-on-failure", "--timeout", TIMEOUT) != 0:
                return test
            self.seconds[test] = self.seconds[test] or time.monotonic() - start
        return None

    def prove_clean(self):
        """Ends all if a test fails without a defect."""
        failure = self.first_failure() if self.build() else "the build"
        if failure:
            print(f"without a defect, {failure} fails: see {os.path.abspath(self.name)}.log", flush=True)
            os._exit(1)

    def notices(self, path, what, old, new):
        """Whether the defect is noticed, and by whom."""
        file = Path(self.name, path)
        text = file.read_text("utf-8")
        file.write_text(text.replace(old, new), "utf-8")
        must_build = not what.endswith("(does not compile)")
        built = self.build()
        failure = self.first_failure("command" if path.startswith("src/command") else "") if built and must_build else None
        file.write_text(text, "utf-8")
        return bool(failure) or not (built or must_build), failure or ("nobody" if built else "the compiler")

    def try_all(self, todo, noticed, survived):
        while True:
            try:
                number, path, what, old, new = todo.get_nowait()
            except queue.Empty:
                return
            start = time.monotonic()
            fate, by = self.notices(path, what, old, new)
            (noticed if fate else survived).append(number)
            print(f"{number:3} {'killed' if fate else 'SURVIVED':8} {path}: {what}; by {by}, {time.monotonic() - start:.0f} s\n", end="", flush=True)


def main():
    Path("ran.txt").unlink(missing_ok=True)
    words = sys.argv[1:]
    every = int(os.environ.get("ENTROPY_MUTANTS_EVERY", "1"))
    mutants = [m for m in read_list() if m[0] % every == 0 and (not words or any(w in f"{m[1]}: {m[2]}" for w in words))]
    noticed, survived, lacking, todo, todo_arm, is_clean = [], [], [], queue.SimpleQueue(), queue.SimpleQueue(), threading.Event()
    first, second, arm = Copy("1"), Copy("2"), None
    if platform.machine() != "aarch64" and shutil.which("qemu-aarch64-static"):
        arm = Copy("arm", ["test_half", "test_conversions", "test_bits"], ["--toolchain", "cmake/aarch64-linux-gnu.cmake"], "50")

    def work_on_second():  # which is the same as the first, so clean, too
        second.build()
        if arm and arm.configured:  # the compiler and the libraries are there
            arm.prove_clean()
        is_clean.wait()
        second.seconds = dict(first.seconds)
        if arm:
            arm.try_all(todo_arm, noticed, survived)
        second.try_all(todo, noticed, survived)

    thread = threading.Thread(target=work_on_second)
    thread.start()
    first.prove_clean()
    for mutant in mutants:
        isa = re.sub(r"kernels/vec_(.*)\.h", r"\1", mutant[1])
        if isa == "neon" and arm and arm.configured:
            todo_arm.put(mutant)
        elif isa in ISAS and first.run(f"{first.name}/build/tests/test_arguments", ENTROPY_ISA=isa) == 77:
            lacking.append(f"no {ISAS[isa]} here")
            print(f"{mutant[0]:3} skipped  {mutant[1]}: {mutant[2]}; {lacking[-1]}", flush=True)
        else:
            todo.put(mutant)
    is_clean.set()
    first.try_all(todo, noticed, survived)
    thread.join()
    line = f"mutation: {len(noticed)} mutants killed, {len(lacking)} skipped" + (f" ({', '.join(sorted(set(lacking)))})" if lacking else "")
    if survived or not noticed:
        sys.exit(f"{line}; survivors: {sorted(survived)}")
    print(f"ran: {line}")
    if not words:
        Path("ran.txt").write_text(f"ran: {line}\n", "utf-8")


main()
