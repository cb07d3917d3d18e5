"""Runs a test in a virtual environment with the packages that a file pins.

    venv.py FOLDER REQUIREMENTS SCRIPT [ARGUMENT]...

The environment is made in FOLDER when it is first needed, and again when REQUIREMENTS changes;
tests that start at once wait for the one that makes it.  Where it cannot be made, without a
network say, the test is skipped: 77, with the reason.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

SKIPPED = 77


def skip(reason):
    print("skipped:", reason)
    sys.exit(SKIPPED)


def run(what, *command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        lines = done.stdout.strip().splitlines() or [f"exit {done.returncode}"]
        skip(f"{what}: {lines[-1]}")


def make(folder, requirements):
    shutil.rmtree(folder, ignore_errors=True)
    run("python3 -m venv (Debian: python3-venv)", sys.executable, "-m", "venv", folder)
    run("pip", os.path.join(folder, "bin", "python"), "-m", "pip", "install", "--quiet",
        "--retries", "1", "--only-binary", ":all:", "-r", requirements)


def ensure(folder, requirements):
    """Makes the environment unless its stamp says that it is the wanted one."""
    with open(requirements, "rb") as f:
        wanted = hashlib.sha256(f.read() + sys.version.encode()).hexdigest()
    stamp = os.path.join(folder, "stamp")
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            with open(stamp) as f:
                if f.read() == wanted:
                    return
        except OSError:
            pass
        make(folder, requirements)
        with open(stamp, "w") as f:
            f.write(wanted)


def main():
    if len(sys.argv) < 4:
        sys.exit(f"usage: {sys.argv[0]} FOLDER REQUIREMENTS SCRIPT [ARGUMENT]...")
    folder = os.path.abspath(sys.argv[1])
    ensure(folder, sys.argv[2])
    python = os.path.join(folder, "bin", "python")
    os.execv(python, [python, *sys.argv[3:]])


main()
