"""Views of the photos, and what the teacher says to them.

A view is every training photo once, shifted, flipped, and in most views partly covered by a piece of another photo
(CutMix).  A fixed number of views is drawn by seed; the teacher answers each once, and its logits (20 bytes a photo)
are kept, while the pixels are made again whenever an epoch comes back to a view.  So a student's epoch costs no
teacher, and all the students that are compared learn from the same answers.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import data
from run import logits_of

SEED = 2
MIXED_VIEWS, PLAIN_VIEWS = 9, 3
MIX_PROBABILITY = 0.6


@dataclass
class View:
    """Pixels (N, 32, 32, 3), the label of each photo, that of the photo mixed into it, and the first one's share."""
    pixels: np.ndarray
    labels: np.ndarray
    other_labels: np.ndarray
    share: np.ndarray


def make_view(photos, number):
    rng = np.random.default_rng([SEED, number])
    n = len(photos)
    pixels = data.crop_and_flip(photos.pixels, rng)
    other = rng.permutation(n)
    covered = np.zeros((n, data.SIZE, data.SIZE), bool)
    if number < MIXED_VIEWS:
        side = np.round(data.SIZE * np.sqrt(rng.random(n))).astype(int)     # the covered area is uniform
        covered = data.boxes(rng, n, side, side) & (rng.random(n) < MIX_PROBABILITY)[:, None, None]
    share = 1 - covered.mean((1, 2), dtype=np.float32)
    return View(np.where(covered[..., None], pixels[other], pixels), photos.labels, photos.labels[other], share)


def view_of_epoch(epoch, epochs):
    """All views in turn; the last epochs see plain views only, because whole photos are what will be asked about."""
    if epoch >= epochs - PLAIN_VIEWS:
        return MIXED_VIEWS + epoch - (epochs - PLAIN_VIEWS)
    return epoch % (MIXED_VIEWS + PLAIN_VIEWS)


def store_answers(work, teacher, photos, log):
    """Writes answers.npy, (views, N, classes) f16."""
    answers = []
    for number in range(MIXED_VIEWS + PLAIN_VIEWS):
        view = make_view(photos, number)
        logits = logits_of(teacher, view.pixels)
        agreed = (logits.argmax(1).numpy() == view.labels).mean() * 100
        log(f"view {number}: the teacher's answer is the first photo's label for {agreed:.2f} %")
        answers.append(logits.numpy().astype(np.float16))
    part = Path(work) / "answers.part.npy"
    np.save(part, np.stack(answers))
    os.replace(part, answers_path(work))


def answers_path(work):
    return Path(work) / "answers.npy"
