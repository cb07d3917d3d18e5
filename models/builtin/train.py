"""Trains the built-in model: `train.py teacher`, `train.py answers`, `train.py student`, in this order.

`train.py compare` runs the three kinds of distillation at a short schedule.  Each command goes on from its checkpoint
if it was interrupted; `--init-from` starts a student from landed weights instead.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file

import data
import views
from distil import Recipe, train_student
from run import Run
from teacher import load_teacher, train_teacher

MODEL_ARGS = {"img_size": 32, "patch_size": 4, "embed_dim": 192, "depth": 6, "num_heads": 3, "num_classes": 10}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("teacher", "answers", "student", "compare"))
    parser.add_argument("--work", type=Path, default=Path("/var/tmp/deit-train"), help="checkpoints and caches")
    parser.add_argument("--name", default="student", help="the student's folder in there")
    parser.add_argument("--distillation", choices=("hard", "soft", "none"), default="hard")
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument("--minutes", type=float, help="train fewer epochs if they would take longer")
    parser.add_argument("--rate", type=float, default=1.0,
                        help="factor on both learning rates, below 1 for landed weights")
    parser.add_argument("--init-from", type=Path, metavar="MODEL.safetensors")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--eager", action="store_true", help="without torch.compile, which needs a C++ compiler")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    if args.command == "teacher":
        train_teacher(args.work)
    elif args.command == "answers":
        train, _, _ = data.load(args.work)
        views.store_answers(args.work, load_teacher(args.work), train, Run(args.work, "answers").log)
    elif args.command == "student":
        recipe = Recipe(distillation=args.distillation, epochs=args.epochs,
                        muon_rate=Recipe.muon_rate * args.rate, adam_rate=Recipe.adam_rate * args.rate)
        landed = None if args.init_from is None else to_f32(load_file(args.init_from))
        train_student(args.work, args.name, recipe, MODEL_ARGS, landed, not args.eager, args.minutes)
    else:
        for kind in ("hard", "soft", "none"):
            recipe = Recipe(distillation=kind, epochs=10)
            train_student(args.work, f"compare-{kind}", recipe, MODEL_ARGS, is_compiled=not args.eager)


def to_f32(tensors):
    return {name: tensor.float() for name, tensor in tensors.items()}


if __name__ == "__main__":
    main()
