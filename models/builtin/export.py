"""Writes what ships: model.safetensors in f16, config.json, and the same weights as an ONNX fixture.

The averaged weights of the checkpoint are rounded to f16 first; everything after that (the ONNX graph, the golden
logits, the scores of the model card) is computed in f32 from the rounded weights, so that all the files agree.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

import data
from run import checkpoint_path
from student import AverageOfHeads, Student
from train import MODEL_ARGS

HERE = Path(__file__).resolve().parent


def load_shipped(folder=HERE):
    """The student as its files describe it, in f32: (model, config)."""
    config = json.loads((folder / "config.json").read_text())
    model = Student(**config["model_args"])
    model.load_state_dict({name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()})
    return model.eval(), config


def write_weights(state, names, folder):
    rounded = {name: tensor.to(torch.float16).contiguous() for name, tensor in state.items()}
    assert all(tensor.isfinite().all() for tensor in rounded.values())
    folder.mkdir(parents=True, exist_ok=True)
    save_file(rounded, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    config = {
        "architecture": "deit_distilled_patch4_32",
        "num_classes": len(names),
        "label_names": names,
        "model_args": MODEL_ARGS,
        "pretrained_cfg": {
            "input_size": [3, data.SIZE, data.SIZE],
            "interpolation": "bicubic",
            "crop_pct": 1.0,
            "crop_mode": "center",
            "mean": list(data.MEAN),
            "std": list(data.STD),
            "num_classes": len(names),
            "first_conv": "patch_embed.proj",
            "classifier": ["head", "head_dist"],
            "license": "apache-2.0",
        },
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


@torch.no_grad()
def write_fixture(folder):
    """builtin.onnx with averaged logits, and an input with PyTorch's answer.

    The input is drawn by seed and smooth, so that it lies nearer to photos than white noise does.
    """
    model, _ = load_shipped()
    whole = AverageOfHeads(model).eval()
    coarse = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(4))
    photos = torch.nn.functional.interpolate(coarse, size=(data.SIZE, data.SIZE), mode="bicubic")
    folder.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(whole, (photos,), str(folder / "builtin.onnx"), dynamo=False, opset_version=17,
                      input_names=["photos"], output_names=["logits"],
                      dynamic_axes={"photos": {0: "batch"}, "logits": {0: "batch"}})
    np.save(folder / "builtin.input.npy", photos.numpy())
    np.save(folder / "builtin.logits.npy", whole(photos).numpy())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("/var/tmp/deit-train"))
    parser.add_argument("--name", default="student", help="which student's checkpoint")
    parser.add_argument("--fixture", type=Path, metavar="FOLDER", help="write builtin.onnx and its golden answer there")
    args = parser.parse_args()
    _, _, names = data.load(args.work)
    checkpoint = torch.load(checkpoint_path(args.work, args.name), weights_only=True)
    write_weights(checkpoint["average"], names, HERE)
    if args.fixture is not None:
        write_fixture(args.fixture)


if __name__ == "__main__":
    main()
