"""What deit-run itself answers on the 5,000 held-out photos: the figures of the model card, and whether PyTorch agrees.

Two answers may differ only where the two best classes are closer than rounding: a logit apart of 1e-4.
"""

import argparse
import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import torch

import data
from export import load_shipped
from run import logits_of

TIE = 1e-4


def unpack_held_out(work, folder):
    """Writes the held-out photos as the files that they are; returns their paths in order."""
    wanted = [str(path) for path in data.held_out_paths(work)]
    places = {name: folder / f"{i:05d}.jpg" for i, name in enumerate(wanted)}
    with tarfile.open(data.ARCHIVE) as tar:
        for member in tar:
            if member.name in places:
                places[member.name].write_bytes(tar.extractfile(member).read())
    return [places[name] for name in wanted]


def answers_of(program, paths, head, folder):
    """(N, 10) logits of one head by the program, from the files."""
    names, logits = folder / "names.txt", folder / f"{head}.npy"
    names.write_text("".join(f"{path}\n" for path in paths))
    subprocess.run([program, "-q", "--head", head, "--files-from", names, "--logits", logits], check=True,
                   stdout=subprocess.DEVNULL)
    return np.load(io.BytesIO(logits.read_bytes()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path, help="deit-run with the built-in model")
    parser.add_argument("--work", type=Path, default=Path("/var/tmp/deit-train"))
    args = parser.parse_args()
    torch.set_num_threads(2)

    _, held_out, _ = data.load(args.work)
    both = logits_of(load_shipped()[0], held_out.pixels, in_bf16=False).numpy()
    expected = {"cls": both[:, 0], "dist": both[:, 1], "avg": both.mean(1)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = unpack_held_out(args.work, folder)
        for head, torch_logits in expected.items():
            logits = answers_of(args.program, paths, head, folder)
            best = np.sort(torch_logits, 1)
            is_tie = best[:, -1] - best[:, -2] < TIE
            differs = logits.argmax(1) != torch_logits.argmax(1)
            print(f"{head:4} {100 * (logits.argmax(1) == held_out.labels).mean():6.2f} %   "
                  f"{differs.sum()} answers differ from PyTorch's ({(differs & ~is_tie).sum()} beyond a tie), "
                  f"logits by at most {np.abs(logits - torch_logits).max():.1e}")


if __name__ == "__main__":
    main()
