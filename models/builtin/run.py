"""What both trainings share: one learning-rate curve, checkpoints that survive an interruption, a log, a score."""

import math
import os
import time
from pathlib import Path

import torch

from data import to_tensor


def cosine_with_warm_up(progress, warm_up):
    """The factor on the peak learning rate: a line up, then half a cosine down to zero.  Both are shares of the run."""
    if progress < warm_up:
        return progress / warm_up
    return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))


def epochs_left(started, seconds, epochs_done):
    """How many more epochs fit into 'seconds' after 'started', at the pace so far; at least one."""
    spent = time.time() - started
    return max(1, int((seconds - spent) / (spent / epochs_done)))


def checkpoint_path(work, name):
    return Path(work) / name / "checkpoint.pt"


class Run:
    """One training in one folder: log.txt, and checkpoint.pt replaced after each epoch.  'pid' names the process."""

    def __init__(self, work, name):
        self.folder = Path(work) / name
        self.folder.mkdir(parents=True, exist_ok=True)
        (Path(work) / "pid").write_text(f"{os.getpid()}\n")
        self.checkpoint = checkpoint_path(work, name)

    def log(self, line):
        line = f"{time.strftime('%H:%M:%S')} {line}"
        print(line, flush=True)
        with open(self.folder / "log.txt", "a") as log:
            log.write(line + "\n")

    def resume(self):
        return torch.load(self.checkpoint, weights_only=True) if self.checkpoint.exists() else None

    def save(self, state):
        """The rename makes it all or nothing."""
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        os.replace(part, self.checkpoint)


def bf16():
    """Products in bf16, sums and weights in f32: several times faster where the processor multiplies bf16 tiles."""
    return torch.autocast("cpu", torch.bfloat16)


@torch.no_grad()
def logits_of(model, pixels, batch=500, in_bf16=True):
    """The model's answers in evaluation mode: (N, ...) f32."""
    was_training = model.training
    model.eval()
    answers = []
    for start in range(0, len(pixels), batch):
        with torch.autocast("cpu", torch.bfloat16, enabled=in_bf16):
            answers.append(model(to_tensor(pixels[start:start + batch])).float())
    model.train(was_training)
    return torch.cat(answers)


def accuracy(logits, labels):
    return (logits.argmax(-1) == torch.from_numpy(labels)).float().mean().item() * 100
