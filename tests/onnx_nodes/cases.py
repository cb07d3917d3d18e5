"""Cases for run_cases: folders with a model, its inputs and the outputs it should give."""

import os
import subprocess

import onnx
from onnx import numpy_helper

SOURCE = os.path.abspath(__file__ + "/../../..")


def claimed_operators():
    """The standard's operators that the library imports, from its own list."""
    with open(os.path.join(SOURCE, "loaders", "onnx_ops.inc")) as f:
        return {line.split("(")[1].split(",")[0] for line in f if line.startswith("DEIT_AI_OP(")}


def run_cases(program, folders, *options):
    """Why each case failed, "" where it did not, in the order of 'folders'."""
    failures = {}
    rest = list(folders)
    while rest:
        done = subprocess.run([program, *options, *rest], capture_output=True, text=True)
        for line in done.stdout.splitlines():
            word, _, text = line.partition(" ")
            folder, _, why = text.partition(": ")
            if word in ("ok", "FAILED") and folder in rest:
                failures[folder] = why if word == "FAILED" else ""
        rest = [folder for folder in rest if folder not in failures]
        if done.returncode == 0 and not rest:
            break
        if rest:  # the first without a line ended the program
            said = " ".join(done.stderr.split())[-600:]
            failures[rest[0]] = f"exit {done.returncode}: {said}"
            rest = rest[1:]
    return [failures[folder] for folder in folders]


def read_tensors(folder, stem):
    """The tensors of a data set, input_0.pb and so on, as arrays."""
    arrays = []
    while os.path.exists(path := os.path.join(folder, f"{stem}_{len(arrays)}.pb")):
        arrays.append(numpy_helper.to_array(onnx.load_tensor(path)))
    return arrays


def write_case(folder, model, inputs, outputs):
    """Writes a case whose inputs and outputs are lists of arrays, and returns its folder."""
    data = os.path.join(folder, "test_data_set_0")
    os.makedirs(data)
    onnx.save(model, os.path.join(folder, "model.onnx"))
    for stem, arrays in (("input", inputs), ("output", outputs)):
        for i, array in enumerate(arrays):
            onnx.save_tensor(numpy_helper.from_array(array, f"{stem}_{i}"),
                             os.path.join(data, f"{stem}_{i}.pb"))
    return folder
