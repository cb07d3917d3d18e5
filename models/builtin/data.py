"""The photos: decoded once, split once, and varied by seed.

CIFAR-10's 50,000 training photos come as small JPEG files in ten class folders.  Decoding them takes
longer than an epoch should, so the pixels go into one uint8 array that is kept outside of the tree.
Everything random is a function of a seed, so that a view of a photo (its crop, flip, mix, hole) can be
made again bit by bit: the teacher answers it once, the student sees it many epochs later.
"""

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("DEIT_SHARED", ROOT.parent / "shared"))
ARCHIVE = SHARED / "cifar10" / "train.tar.xz"

SIZE = 32
SPLIT_SEED = 20201223
HELD_OUT_PER_CLASS = 500

# Mean and standard deviation per channel of the 45,000 training photos, as `python data.py` prints them.
MEAN = (0.4912, 0.4820, 0.4465)
STD = (0.2451, 0.2426, 0.2604)


class Photos:
    """Pixels (N, 32, 32, 3) uint8 and class numbers (N,) int64."""

    def __init__(self, pixels, labels):
        self.pixels, self.labels = pixels, labels

    def __len__(self):
        return len(self.labels)


def load(work):
    """Returns (training photos, held-out photos, class names)."""
    cache = Path(work) / "photos.npz"
    if not cache.exists():
        decode_archive(ARCHIVE, cache)
    with np.load(cache) as stored:
        pixels, labels, names = stored["pixels"], stored["labels"], [str(n) for n in stored["names"]]
    train, held_out = split(labels)
    return Photos(pixels[train], labels[train]), Photos(pixels[held_out], labels[held_out]), names


def held_out_paths(work):
    """Names in the archive of the held-out photos, in their order."""
    with np.load(Path(work) / "photos.npz") as stored:
        return stored["paths"][split(stored["labels"])[1]]


def decode_archive(archive, cache):
    """Classes are the folder names in sorted order; photos are sorted by path, so their order is the archive's
    contents and not its layout."""
    photos = []
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith((".jpg", ".jpeg")):
                with Image.open(io.BytesIO(tar.extractfile(member).read())) as image:
                    photos.append((member.name, np.asarray(image.convert("RGB"))))
    photos.sort(key=lambda photo: photo[0])
    folders = [Path(name).parent.name for name, _ in photos]
    names = sorted(set(folders))
    labels = np.array([names.index(folder) for folder in folders], np.int64)
    part = cache.with_name("photos.part.npz")
    part.parent.mkdir(parents=True, exist_ok=True)
    np.savez(part, pixels=np.stack([p for _, p in photos]), labels=labels, names=np.array(names),
             paths=np.array([name for name, _ in photos]))
    os.replace(part, cache)


def split(labels):
    """Indices of training and held-out photos: 500 of each class are held out, drawn by a fixed seed."""
    rng = np.random.default_rng(SPLIT_SEED)
    held_out = np.concatenate([rng.permutation(np.flatnonzero(labels == c))[:HELD_OUT_PER_CLASS]
                               for c in range(labels.max() + 1)])
    is_held_out = np.zeros(len(labels), bool)
    is_held_out[held_out] = True
    return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)


def preprocess(image):
    """What the model's config says: short side to 32 with Pillow's antialiased bicubic filter, centre crop."""
    width, height = image.size
    short = min(width, height)
    if short != SIZE:
        image = image.resize((SIZE * width // short, SIZE * height // short), Image.BICUBIC)
    width, height = image.size
    left, top = round((width - SIZE) / 2), round((height - SIZE) / 2)
    return np.array(image.convert("RGB").crop((left, top, left + SIZE, top + SIZE)))


def to_tensor(pixels):
    """uint8 (B, 32, 32, 3) to normalised f32 (B, 3, 32, 32), channels last in memory as the pixels already are."""
    x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float()
    mean = torch.tensor(MEAN).view(1, 3, 1, 1) * 255
    std = torch.tensor(STD).view(1, 3, 1, 1) * 255
    return (x - mean) / std


def crop_and_flip(pixels, rng, pad=4):
    """Every photo shifted by up to 'pad' pixels (the border mirrored) and flipped half of the time."""
    n = len(pixels)
    top, left = rng.integers(0, 2 * pad + 1, (2, n))
    flip = rng.random(n) < 0.5
    padded = np.pad(pixels, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="reflect")
    rows = top[:, None] + np.arange(SIZE)
    columns = left[:, None] + np.where(flip[:, None], np.arange(SIZE)[::-1], np.arange(SIZE))
    return padded[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def boxes(rng, n, height, width):
    """A mask (n, 32, 32), true in one box a photo; boxes may hang over the edge.  Heights and widths are (n,)."""
    y, x = rng.integers(0, SIZE, (2, n, 1))
    grid = np.arange(SIZE)
    rows = (grid >= y - height[:, None] // 2) & (grid < y + (height[:, None] + 1) // 2)
    columns = (grid >= x - width[:, None] // 2) & (grid < x + (width[:, None] + 1) // 2)
    return rows[:, :, None] & columns[:, None, :]


def erase(pixels, rng, probability, smallest, largest):
    """A grey hole of random size in some photos."""
    n = len(pixels)
    height, width = rng.integers(smallest, largest + 1, (2, n))
    hole = boxes(rng, n, height, width) & (rng.random(n) < probability)[:, None, None]
    grey = np.round(255 * np.array(MEAN)).astype(np.uint8)
    return np.where(hole[..., None], grey, pixels)


if __name__ == "__main__":
    import argparse
    parser = argparse.ArgumentParser(description="Decode the photos and print what the constants rest on.")
    parser.add_argument("--work", default="/var/tmp/deit-train")
    train, held_out, names = load(parser.parse_args().work)
    print(f"{len(train)} for training, {len(held_out)} held out: {', '.join(names)}")
    scaled = train.pixels.reshape(-1, 3) / np.float32(255)
    print("mean", scaled.mean(0, np.float64).round(4), "std", scaled.std(0, dtype=np.float64).round(4))
