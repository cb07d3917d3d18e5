"""What the model card says, measured on the shipped files: scores of both heads and of their average on the 5,000
held-out photos, the confusion matrix, and the answers on the project's own photos.  All in f32.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

import data
from export import HERE, load_shipped
from run import accuracy, logits_of


def confusion_matrix(logits, labels, n_classes):
    """Row: true class; column: answer."""
    table = np.zeros((n_classes, n_classes), int)
    np.add.at(table, (labels, logits.argmax(1).numpy()), 1)
    return table


def draw_confusion(table, names, path, cell=52, margin=104):
    """Blue cells are right, red ones wrong; the deeper, the larger (by its root) the count's share of its row."""
    size = len(names) * cell
    image = Image.new("RGB", (margin + size + 12, margin + size + 12), "white")
    draw = ImageDraw.Draw(image)
    font, small = ImageFont.load_default(15), ImageFont.load_default(13)
    for i, name in enumerate(names):
        middle = margin + i * cell + cell // 2
        draw.text((margin - 8, middle), name, "black", small, anchor="rm")
        draw.text((middle, margin - 8 - 14 * (i % 2)), name, "black", small, anchor="md")
        for j in range(len(names)):
            share = np.sqrt(table[i, j] / table[i].sum())
            deep = np.array((33, 102, 172) if i == j else (178, 24, 43))
            fill = tuple(int(v) for v in 255 + (deep - 255) * share)
            corner = margin + j * cell, margin + i * cell
            draw.rectangle((*corner, corner[0] + cell - 2, corner[1] + cell - 2), fill)
            draw.text((corner[0] + cell // 2, corner[1] + cell // 2), str(table[i, j]),
                      "white" if share > 0.6 else "black", font, anchor="mm")
    draw.text((12, 12), "Held-out photos; row: true class, column: answer of the averaged heads", "black", small)
    image.save(path, optimize=True)


def describe_held_out(model, names, work, confusion, held_out_list, logits_path):
    _, held_out, _ = data.load(work)
    logits = logits_of(model, held_out.pixels, in_bf16=False)
    average = logits.mean(1)
    for head, answer in (("class head", logits[:, 0]), ("distillation head", logits[:, 1]), ("average", average)):
        print(f"{head:18} {accuracy(answer, held_out.labels):6.2f} %")
    table = confusion_matrix(average, held_out.labels, len(names))
    for name, row, c in zip(names, table, range(len(names))):
        print(f"  {name:12} {100 * row[c] / row.sum():5.1f} %")
    if confusion:
        draw_confusion(table, names, confusion)
    if logits_path:
        np.save(logits_path, average.numpy())
    if held_out_list:
        paths = data.held_out_paths(work)
        held_out_list.write_text("".join(f"{path}\t{label}\n" for path, label in zip(paths, held_out.labels)))


def describe_photos(model, names, folder):
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as image:
            pixels = data.preprocess(image)
        probabilities = logits_of(model, pixels[None], in_bf16=False).mean(1)[0].softmax(0)
        best = probabilities.argsort(descending=True)[:3].tolist()
        print(f"{path.name:16}", ", ".join(f"{names[c]} {100 * probabilities[c]:.1f} %" for c in best))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("/var/tmp/deit-train"))
    parser.add_argument("--confusion", type=Path, metavar="FILE.png", help="draw the confusion matrix of the average")
    parser.add_argument("--list", type=Path, metavar="FILE.tsv", help="write path in the archive and class")
    parser.add_argument("--logits", type=Path, metavar="FILE.npy", help="write the averaged logits, in that order")
    args = parser.parse_args()
    torch.set_num_threads(2)
    model, config = load_shipped()
    describe_held_out(model, config["label_names"], args.work, args.confusion, args.list, args.logits)
    describe_photos(model, config["label_names"], HERE / "photos")


if __name__ == "__main__":
    main()
