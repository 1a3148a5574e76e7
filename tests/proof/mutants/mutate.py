#!/usr/bin/env python3
"""Puts one deliberate defect of mutants.txt after another into a copy of the tree, and asks the everyday tests: each must be noticed.

    SOURCE=path/of/the/tree mutate.py [WORD...]

works in the current directory. With words, only the defects in whose file or description one of them occurs are tried."""
import json
import os
import platform
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("SOURCE") or os.path.join(HERE, "../../..")
PARTS = ["CMakeLists.txt", "LICENSE", "README.md", "cmake", "include", "kernels", "src", "tests"]
# -O1 builds in half the time, and the bits of the results do not depend on it; Release would be -O3 (CMakeLists.txt).
CONFIGURE = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Mutants", "-DENTROPY_BUILD_TESTS=ON", "-DCMAKE_C_FLAGS=-O1", "-DCMAKE_CXX_FLAGS=-O1"]
TIMEOUT = 60  # seconds that a test may take
ENVIRONMENT = {name: x for name, x in os.environ.items() if not name.startswith("ENTROPY_")}
ISAS = {"avx2": "AVX2", "avx512": "AVX-512", "neon": "NEON"}  # a defect of one of them can be noticed where it runs
printing = threading.Lock()
running = set()


def read_list():
    """Mutants as [number, file, what it breaks, text, replacement], in the order of the files."""
    mutants, errors = [], []
    with open(os.path.join(HERE, "mutants.txt"), encoding="utf-8") as f:
        blocks = re.split(r"\n{2,}", re.sub(r"^#.*\n", "", f.read(), flags=re.M).strip())
    for number, block in enumerate(blocks, 1):
        head, *lines = block.split("\n")
        path, _, what = head.partition(": ")
        old, new = ("\n".join(line[2:] for line in lines if line[:1] == sign) for sign in "-+")
        with open(os.path.join(SOURCE, path), encoding="utf-8") as f:
            count = f.read().count(old)
        if not (what and old and old != new and count == 1 and all(line[:2] in ("- ", "+ ", "+") for line in lines)):
            errors.append(f"mutants.txt, {number}, {head}: the text is there {count} times, not once:\n{old}")
        mutants.append([number, path, what, old, new])
    if errors:
        sys.exit("\n".join(errors))
    return mutants


def run(command, log):
    """The exit status. What the command has started does not outlive it."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=ENVIRONMENT, start_new_session=True)
    running.add(process.pid)
    try:
        return process.wait()
    finally:
        running.discard(process.pid)
        kill(process.pid)


def kill(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Copy:
    """A copy of the tree, built, in a directory of its own."""

    def __init__(self, name, options=(), targets=(), divide=1):
        shutil.rmtree(name, ignore_errors=True)
        os.makedirs(name)
        for part in PARTS:
            (shutil.copytree if os.path.isdir(f"{SOURCE}/{part}") else shutil.copy)(f"{SOURCE}/{part}", f"{name}/{part}")
        self.name, self.targets, self.divide = name, targets, divide
        self.build = f"{name}/build"
        self.log = open(f"{name}.log", "w")
        self.configured = run(["cmake", "-S", name, "-B", self.build, *CONFIGURE, *options], self.log) == 0
        self.seconds = {test: 0 for test in targets or (self.all_tests() if self.configured else [])}

    def all_tests(self):
        listed = subprocess.run(["ctest", "--test-dir", self.build, "--show-only=json-v1"], capture_output=True, check=True)
        return [test["name"] for test in json.loads(listed.stdout)["tests"]]

    def compile(self):
        return run(["cmake", "--build", self.build, "--parallel", "1", "--target", *(self.targets or ["all"])], self.log) == 0

    def first_failure(self, near=""):
        """The quickest tests first, and those whose name says that they are near the defect before all others."""
        for test in sorted(self.seconds, key=lambda t: (near not in t, self.seconds[t])):
            start = time.monotonic()
            divide = ["env", f"ENTROPY_TEST_DIVIDE={self.divide}"]
            status = run([*divide, "ctest", "--test-dir", self.build, "-R", f"^{re.escape(test)}$", "--output-on-failure",
                          "--no-tests=error", "--stop-on-failure", "--timeout", str(TIMEOUT)], self.log)
            if status != 0:
                return test
            self.seconds[test] = self.seconds[test] or time.monotonic() - start
        return None

    def prove_clean(self):
        """Without a defect all is well; what is then noticed is the defect."""
        failure = self.first_failure() if self.configured and self.compile() else "the build"
        if failure:
            print(f"without a defect, {failure} fails: see {os.path.abspath(self.name)}.log", flush=True)
        return failure is None

    def lacks(self, isa):
        return subprocess.run(["env", f"ENTROPY_ISA={isa}", f"{self.build}/tests/test_arguments"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 77

    def fate(self, path, what, old, new):
        """True if the defect is noticed, and how."""
        with open(f"{self.name}/{path}", encoding="utf-8") as f:
            text = f.read()
        with open(f"{self.name}/{path}", "w", encoding="utf-8") as f:
            f.write(text.replace(old, new))
        try:
            built = self.compile()
            if what.endswith("(does not compile)"):
                return not built, "nobody" if built else "the compiler"
            if not built:
                return False, "the compiler, which is an error of the list"
            test = self.first_failure("command" if path.startswith("src/command") else "")
            return test is not None, test or "nobody"
        finally:
            with open(f"{self.name}/{path}", "w", encoding="utf-8") as f:
                f.write(text)


def say(mutant, fate, how):
    with printing:
        print(f"{mutant[0]:3} {fate:8} {mutant[1]}: {mutant[2]}; {how}", flush=True)


def stop(*_):
    for group in list(running):
        kill(group)
    os._exit(1)


def main():
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if os.path.exists("ran.txt"):
        os.remove("ran.txt")
    words = sys.argv[1:]
    mutants = [m for m in read_list() if not words or any(w in f"{m[1]}: {m[2]}" for w in words)]
    todo, todo_arm = queue.SimpleQueue(), queue.SimpleQueue()
    killed, survived, skipped, lacking = [], [], [], []
    first, second, arm = Copy("1"), Copy("2"), None
    if any(m[1] == "kernels/vec_neon.h" for m in mutants) and platform.machine() != "aarch64" and shutil.which("qemu-aarch64-static"):
        arm = Copy("arm", ["--toolchain", "cmake/aarch64-linux-gnu.cmake"], ["test_half", "test_bits"], divide=50)
        arm = arm if arm.configured else None  # the cross compiler or its libraries are not installed
    is_clean = threading.Event()

    def try_all(copy, queued):
        while True:
            try:
                mutant = queued.get_nowait()
            except queue.Empty:
                return
            start = time.monotonic()
            noticed, by = copy.fate(*mutant[1:])
            (killed if noticed else survived).append(mutant[0])
            say(mutant, "killed" if noticed else "SURVIVED", f"by {by}, {time.monotonic() - start:.0f} s")

    def work_first():
        if not first.prove_clean():
            stop()
        for m in mutants:
            isa = re.sub(r"kernels/vec_(.*)\.h", r"\1", m[1])
            if isa == "neon" and arm:
                continue
            if isa in ISAS and first.lacks(isa):
                lacking.append(f"no {ISAS[isa]} here")
                skipped.append(m[0])
                say(m, "skipped", lacking[-1])
            else:
                todo.put(m)
        is_clean.set()
        try_all(first, todo)

    def work_second():
        if arm:
            if not arm.prove_clean():
                stop()
            for m in mutants:
                if m[1] == "kernels/vec_neon.h":
                    todo_arm.put(m)
            try_all(arm, todo_arm)
        second.compile()
        is_clean.wait()
        second.seconds = dict(first.seconds)
        try_all(second, todo)

    threads = [threading.Thread(target=work) for work in (work_first, work_second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if survived or not killed:
        print(f"{len(killed)} mutants killed; survivors: {sorted(survived)}")
        return 1
    line = f"ran: mutation: {len(killed)} mutants killed, {len(skipped)} skipped"
    line += f" ({', '.join(sorted(set(lacking)))})" if skipped else ""
    print(line)
    if not words:
        with open("ran.txt", "w", encoding="utf-8") as f:
            f.write(line + "\n")
    return 0


sys.exit(main())
