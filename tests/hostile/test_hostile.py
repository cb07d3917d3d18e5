"""Files that are wrong in hundreds of ways, and odd ones that are right.

    test_hostile.py DEIT_RUN DEIT_INSPECT [CATEGORY[/NAME]]...

Each case says how the program must end and what it must say.  No case may crash, compute longer
than 20 seconds (or wait longer than a minute, which a busy machine may take), or need more
memory than its files and 512 MB.  With names only those cases run, and
what the program said is shown.
"""

import concurrent.futures
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import case as common
import config_cases
import external_cases
import folder_cases
import graph_cases
import jpeg_cases
import label_cases
import npy_cases
import png_cases
import race_cases
import safetensors_cases
import wire_cases

MODULES = {
    "safetensors": safetensors_cases, "wire": wire_cases, "graph": graph_cases,
    "external": external_cases, "config": config_cases, "labels": label_cases,
    "jpeg": jpeg_cases, "png": png_cases, "npy": npy_cases, "folders": folder_cases,
    "races": race_cases,
}
LEAST_BAD, LEAST_IN_ALL = 30, 400
SECONDS, SECONDS_ASLEEP, MEGABYTES = 20, 60, 512


class Outcome:
    def __init__(self, code, out, err, seconds, kilobytes):
        self.code, self.out, self.err = code, out, err
        self.seconds, self.kilobytes = seconds, kilobytes

    @property
    def errors(self):
        return self.err.decode("utf-8", "replace").splitlines()


def execute(command, folder, stdin=None, during=None):
    """Runs a command to its end or to the limit, and measures it."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, cwd=folder, stderr=err,
                                   stdout=subprocess.PIPE if during else out,
                                   stdin=subprocess.PIPE if during or stdin
                                   else subprocess.DEVNULL)
        timer = threading.Timer(SECONDS_ASLEEP * SLOWNESS, process.kill)
        timer.start()
        if stdin:
            process.stdin.write(stdin)
            process.stdin.close()
        if during:
            out.write(during(folder, process))
            out.write(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Outcome(process.returncode, out.read(), err.read(),
                       usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def launch(*args):
    """In another process, that was forked when this one was small: ru_maxrss is inherited."""
    return LAUNCHERS.submit(execute, *args).result()


def bytes_in(folder):
    """What the files take, without holes."""
    return sum(os.lstat(os.path.join(path, name)).st_blocks * 512
               for path, _, names in os.walk(folder) for name in names)


def judge_limits(outcome, file_bytes):
    if outcome.code < 0:
        name = signal.Signals(-outcome.code).name
        return f"ended by {name} after {outcome.seconds:.1f} s of computing"
    if outcome.seconds > SECONDS * SLOWNESS:
        return f"{outcome.seconds:.1f} s of computing"
    if b"Sanitizer" in outcome.err or b"runtime error" in outcome.err:
        return "a sanitizer complains"
    if outcome.kilobytes * 1024 > file_bytes + (MEGABYTES << 20) and not IS_SANITIZED:
        return f"{outcome.kilobytes // 1024} MB of memory"
    return None


def judge(case, outcome, file_bytes):
    """What is wrong, or None."""
    why = judge_limits(outcome, file_bytes)
    if why:
        return why
    if case.either and outcome.code in (0, 1):
        return None
    if outcome.code != case.code:
        return f"exit {outcome.code}, not {case.code}"
    if case.is_accepted:
        shown = outcome.out.decode("utf-8", "replace")
        if case.shows and case.shows not in shown:
            return f"does not show {case.shows!r}"
        return None if outcome.out else "no answer"
    errors = outcome.errors
    if len(errors) != 1 or not errors[0].startswith(("deit-run: ", "deit-inspect: ")):
        return f"{len(errors)} lines of errors, not one"
    if not errors[0].isprintable():
        return "control characters in the message"
    missing = [word for word in case.words if word not in errors[0]]
    return f"the message lacks {missing[0]!r}" if missing else None


def command_of(case):
    if case.inspect:
        return [PROGRAMS[1], *case.args]
    return [PROGRAMS[0], "-q", "-t", "1", *case.args]


def run_one(shelf, category, case):
    folder = tempfile.mkdtemp(dir=shelf)
    case.make(folder)
    outcome = launch(command_of(case), folder, case.stdin, case.start)
    why = judge(case, outcome, bytes_in(folder))
    if why or IS_VERBOSE:
        print(f"{'FAILED' if why else 'ok'}: {category}/{case.name}: {why or ''}\n"
              f"    {(outcome.err or outcome.out)[:400]!r} "
              f"({outcome.seconds:.2f} s, {outcome.kilobytes // 1024} MB)", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    return not why, outcome.seconds, outcome.kilobytes, f"{category}/{case.name}"


# ------------------------------------------------------------------ images: many in one run


def single(case):
    """An image as a case of its own: to find the one that ends the program."""
    args = ["-m", "model.safetensors", *case.args]
    model = common.plain_model()
    files = {"model.safetensors": model.save, **case.files}
    return common.Case(case.name, files, args, case.words, case.code)


def judge_row(case, row):
    error = row.get("error")
    if case.is_accepted:
        return f"refused: {error}" if error else None
    if not error:
        return "accepted"
    line = f"{row['file']}: {error}"
    missing = [word for word in case.words if word not in line]
    return f"the message lacks {missing[0]!r}: {error}" if missing else None


def run_images(shelf, category, cases):
    """True for each case that is as it should be."""
    folder = tempfile.mkdtemp(dir=shelf)
    common.plain_model().save(os.path.join(folder, "model.safetensors"))
    for case in cases:
        case.make(folder)
    command = [PROGRAMS[0], "-q", "-t", "2", "-b", "8", "-f", "json", "-m", "model.safetensors",
               *[case.args[-1] for case in cases]]
    outcome = launch(command, folder)
    rows = [json.loads(line) for line in outcome.out.decode().split("\n") if line]
    if judge_limits(outcome, bytes_in(folder)) or len(rows) != len(cases):
        print(f"{category}: exit {outcome.code}, {len(rows)} rows; one by one:", flush=True)
        return [run_one(shelf, category, single(case))[0] for case in cases]
    good = []
    for case, row in zip(cases, rows):
        why = judge_row(case, row)
        good.append(not why)
        if why or IS_VERBOSE:
            print(f"{'FAILED' if why else 'ok'}: {category}/{case.name}: {why or row}", flush=True)
    return good


# ------------------------------------------------------------------ all


def count(all_cases):
    """The corpus is what it is said to be; returns how many failures that is."""
    failures, bad = 0, 0
    for category, cases in all_cases.items():
        names = [case.name for case in cases]
        n_bad = sum(not case.is_accepted for case in cases)
        bad += n_bad
        if len(set(names)) < len(names):
            print(f"FAILED: {category}: {[n for n in names if names.count(n) > 1]} twice")
            failures += 1
        if n_bad < LEAST_BAD:
            print(f"FAILED: {category}: {n_bad} bad files, not {LEAST_BAD}")
            failures += 1
        print(f"{category}: {n_bad} bad, {len(cases) - n_bad} odd")
    if bad < LEAST_IN_ALL:
        print(f"FAILED: {bad} bad files, not {LEAST_IN_ALL}")
        failures += 1
    return failures


def chosen(wanted):
    picked = {}
    for category, module in MODULES.items():
        cases = list(module.cases())
        if wanted:
            cases = [c for c in cases if category in wanted or f"{category}/{c.name}" in wanted]
        if cases:
            picked[category] = cases
    return picked


def run_all(shelf, wanted):
    all_cases = chosen(wanted)
    failures = 0 if wanted else count(all_cases)
    n = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = []
        for category, cases in all_cases.items():
            n += len(cases)
            if category in ("jpeg", "png"):
                whole = [c for c in cases if c.args == [c.args[-1]]]
                failures += run_images(shelf, category, whole).count(False)
                cases = [single(c) for c in cases if c not in whole]
            jobs += [pool.submit(run_one, shelf, category, case) for case in cases]
        results = [job.result() for job in jobs]
    failures += sum(not result[0] for result in results)
    if results:
        slow, large = max(results, key=lambda r: r[1]), max(results, key=lambda r: r[2])
        print(f"slowest: {slow[3]}, {slow[1]:.1f} s; largest: {large[3]}, {large[2] // 1024} MB")
    print(f"{n} cases, {failures} failures")
    return failures


if len(sys.argv) < 3:
    sys.exit(f"usage: {sys.argv[0]} DEIT_RUN DEIT_INSPECT [CATEGORY[/NAME]]...")
os.environ.pop("MALLOC_PERTURB_", None)  # it touches memory that the program does not
PROGRAMS = [os.path.abspath(p) for p in sys.argv[1:3]]
common.support.program = PROGRAMS[0]
IS_SANITIZED = common.support.is_sanitized()
SLOWNESS = 6 if IS_SANITIZED else 1
IS_VERBOSE = len(sys.argv) > 3
LAUNCHERS = concurrent.futures.ProcessPoolExecutor(
    3, mp_context=multiprocessing.get_context("fork"))
list(LAUNCHERS.map(time.sleep, [0.05] * 3))
with tempfile.TemporaryDirectory(prefix="deit-hostile-") as top:
    sys.exit(bool(run_all(top, sys.argv[3:])))
