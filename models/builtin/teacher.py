"""The teacher: a residual convnet.

DeiT's finding is that a transformer learns from few photos if a convnet teaches it: the convnet has locality and
translation built in, and its answers carry them over.  This one has three stages, each a widening convolution
and a residual block.  It shrinks the photo early: on two cores, what a photo costs decides how many are seen.
"""

import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import data
from run import Run, accuracy, bf16, checkpoint_path, cosine_with_warm_up, logits_of


class ConvNorm(nn.Sequential):
    """3 x 3 convolution, optional 2 x 2 max pooling before the norm (a quarter of the work after it), GELU."""

    def __init__(self, n_in, n_out, pool=False):
        super().__init__(nn.Conv2d(n_in, n_out, 3, padding=1, bias=False),
                         nn.MaxPool2d(2) if pool else nn.Identity(),
                         nn.BatchNorm2d(n_out),
                         nn.GELU(approximate="tanh"))


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(ConvNorm(width, width), ConvNorm(width, width))

    def forward(self, x):
        return x + self.body(x)


class Teacher(nn.Module):
    def __init__(self, n_classes=10):
        super().__init__()
        self.stages = nn.Sequential(ConvNorm(32, 64, pool=True), Residual(64),
                                    ConvNorm(64, 192, pool=True), Residual(192),
                                    ConvNorm(192, 320, pool=True), ConvNorm(320, 320))
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32),
                                  nn.GELU(approximate="tanh"))
        self.head = nn.Linear(320, n_classes)

    def forward(self, x):
        # Scaled down, so that early steps at a high rate do not drive the softmax into saturation.
        return self.head(self.stages(self.stem(x)).amax((2, 3))) * 0.125


def train_teacher(work, epochs=18, batch=256, peak=0.2, seed=1):
    """SGD with Nesterov momentum, cosine schedule, smoothed labels; photos shifted, flipped, half with a hole."""
    train, held_out, _ = data.load(work)
    run = Run(work, "teacher")
    torch.manual_seed(seed)
    model = Teacher().to(memory_format=torch.channels_last)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.SGD([{"params": decayed, "weight_decay": 5e-4}, {"params": others, "weight_decay": 0}],
                                lr=peak, momentum=0.9, nesterov=True)
    first = 0
    if state := run.resume():
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        first = state["epoch"]

    steps = len(train) // batch
    for epoch in range(first, epochs):
        rng = np.random.default_rng([seed, epoch])
        pixels = data.erase(data.crop_and_flip(train.pixels, rng), rng, probability=0.5, smallest=8, largest=8)
        order = rng.permutation(len(train))
        began, loss_sum = time.monotonic(), 0.0
        for step in range(steps):
            factor = cosine_with_warm_up((epoch * steps + step + 1) / (epochs * steps), warm_up=3 / epochs)
            for group in optimiser.param_groups:
                group["lr"] = peak * factor
            chosen = order[step * batch:(step + 1) * batch]
            with bf16():
                logits = model(data.to_tensor(pixels[chosen]))
            loss = F.cross_entropy(logits.float(), torch.from_numpy(train.labels[chosen]), label_smoothing=0.1)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss_sum += loss.item()
        rate = steps * batch / (time.monotonic() - began)
        score = accuracy(logits_of(model, held_out.pixels), held_out.labels)
        run.log(f"epoch {epoch + 1}/{epochs} loss {loss_sum / steps:.4f} held out {score:.2f} % {rate:.0f} photos/s")
        run.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "epoch": epoch + 1})


def load_teacher(work):
    model = Teacher().to(memory_format=torch.channels_last)
    model.load_state_dict(torch.load(checkpoint_path(work, "teacher"), weights_only=True)["model"])
    return model.eval()
