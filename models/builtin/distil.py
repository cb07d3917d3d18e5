"""The student's training: what each head learns from, and the schedule.

    hard    class head: true label; distillation head: the label that the teacher would give     (DeiT's choice)
    soft    class head: true label; distillation head: the teacher's distribution at a temperature
    none    class head: true label; the distillation head learns nothing

Matrices inside the blocks are updated by Muon (the momentum, made orthogonal: every direction of a matrix learns at
the same pace), because epochs are few on a small machine; embeddings, norms, biases and heads by AdamW, as in DeiT.
"""

import copy
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

import data
import views
from run import Run, accuracy, bf16, cosine_with_warm_up, epochs_left, logits_of
from student import Student


@dataclass
class Recipe:
    distillation: str = "hard"
    epochs: int = 50
    batch: int = 128
    muon_rate: float = 2e-3
    adam_rate: float = 1e-3
    weight_decay: float = 0.05
    warm_up: float = 0.04           # share of the run
    smoothing: float = 0.1
    temperature: float = 3.0
    alpha: float = 0.5              # weight of the teacher
    erase_probability: float = 0.25
    average_decay: float = 0.998    # of the moving average of the weights, which is what is kept
    seed: int = 3


def distillation_loss(recipe, logits, labels, other_labels, share, teacher_logits):
    """'logits' are (B, 2, classes).  A mixed photo has two true labels, weighed by the area that each covers."""
    to_class, to_distillation = logits[:, 0], logits[:, 1]

    def against(target):
        return F.cross_entropy(to_class, target, reduction="none", label_smoothing=recipe.smoothing)

    true_loss = (share * against(labels) + (1 - share) * against(other_labels)).mean()
    if recipe.distillation == "none":
        return true_loss
    if recipe.distillation == "hard":
        teacher_loss = F.cross_entropy(to_distillation, teacher_logits.argmax(1))
    else:
        t = recipe.temperature
        teacher_loss = t * t * F.kl_div((to_distillation / t).log_softmax(1), (teacher_logits / t).log_softmax(1),
                                        reduction="batchmean", log_target=True)
    return (1 - recipe.alpha) * true_loss + recipe.alpha * teacher_loss


def optimisers_of(model, recipe):
    """The two optimisers, each with its peak rate."""
    inner = [p for name, p in model.named_parameters() if name.startswith("blocks.") and p.ndim == 2]
    decayed = [p for name, p in model.named_parameters()
               if name in ("patch_embed.proj.weight", "head.weight", "head_dist.weight")]
    chosen = {id(p) for p in inner + decayed}
    others = [p for p in model.parameters() if id(p) not in chosen]
    muon = torch.optim.Muon(inner, lr=recipe.muon_rate, weight_decay=recipe.weight_decay,
                            adjust_lr_fn="match_rms_adamw")
    adam = torch.optim.AdamW([{"params": decayed, "weight_decay": recipe.weight_decay},
                              {"params": others, "weight_decay": 0.0}],
                             lr=recipe.adam_rate, betas=(0.9, 0.98), fused=True)
    return [(muon, recipe.muon_rate), (adam, recipe.adam_rate)]


class Lesson:
    """A student in training: its weights, their moving average, two optimisers, and how far it is."""

    def __init__(self, recipe, model_args, is_compiled):
        torch.manual_seed(recipe.seed)
        self.recipe, self.model_args = recipe, model_args
        self.model = Student(**model_args)
        self.average = copy.deepcopy(self.model).eval()
        self.optimisers = optimisers_of(self.model, recipe)
        self.learner = torch.compile(self.model) if is_compiled else self.model
        self.epoch, self.step, self.progress = 0, 0, 0.0

    def is_over(self):
        """True once the rate has come down to zero: more epochs would change nothing."""
        return self.progress > 1 - 1e-9

    def start_from(self, weights):
        self.model.load_state_dict(weights)
        self.average.load_state_dict(weights)

    def state(self):
        return {"model": self.model.state_dict(), "average": self.average.state_dict(),
                "optimisers": [optimiser.state_dict() for optimiser, _ in self.optimisers],
                "epoch": self.epoch, "step": self.step, "progress": self.progress, "model_args": self.model_args}

    def load_state(self, state):
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        for (optimiser, _), stored in zip(self.optimisers, state["optimisers"]):
            optimiser.load_state_dict(stored)
        self.epoch, self.step, self.progress = state["epoch"], state["step"], state["progress"]

    def learn(self, pixels, labels, other_labels, share, teacher_logits, steps_left):
        """One step on one batch; the rate reaches zero when 'steps_left' steps are done, this one included."""
        self.progress += (1 - self.progress) / steps_left
        factor = cosine_with_warm_up(self.progress, self.recipe.warm_up)
        for optimiser, peak in self.optimisers:
            optimiser.zero_grad()
            for group in optimiser.param_groups:
                group["lr"] = peak * factor
        with bf16():
            logits = self.learner(pixels)
        loss = distillation_loss(self.recipe, logits.float(), labels, other_labels, share, teacher_logits)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser, _ in self.optimisers:
            optimiser.step()
        self.step += 1
        self.follow()
        return loss.item()

    @torch.no_grad()
    def follow(self):
        """Early on the average forgets faster, so that it does not remember how training began."""
        decay = min(self.recipe.average_decay, self.step / (9 + self.step))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - decay)


def train_student(work, name, recipe, model_args, init_from=None, is_compiled=True, minutes=None):
    """Trains for the recipe's epochs, or for fewer if 'minutes' are not enough for them: on a machine that others use
    too, the number that fits is found anew after each epoch, and the rate still falls smoothly to zero at the end.
    """
    train, held_out, _ = data.load(work)
    answers = None if recipe.distillation == "none" else np.load(views.answers_path(work), mmap_mode="r")
    run = Run(work, name)
    lesson = Lesson(recipe, model_args, is_compiled)
    if init_from is not None:
        lesson.start_from(init_from)
    if state := run.resume():
        lesson.load_state(state)
    n_parameters = sum(p.numel() for p in lesson.model.parameters())
    run.log(f"{recipe} {model_args}, {n_parameters} parameters, from epoch {lesson.epoch}")

    started, first, epochs, steps = time.time(), lesson.epoch, recipe.epochs, len(train) // recipe.batch
    while lesson.epoch < epochs and not lesson.is_over():
        began, loss_sum = time.time(), 0.0
        number = views.view_of_epoch(lesson.epoch, epochs)
        view = views.make_view(train, number)
        rng = np.random.default_rng([recipe.seed, lesson.epoch])
        pixels = data.erase(view.pixels, rng, recipe.erase_probability, smallest=6, largest=14)
        batches = rng.permutation(len(train))[:steps * recipe.batch].reshape(steps, recipe.batch)
        for i, chosen in enumerate(batches):
            labels, other_labels, share = (torch.from_numpy(a[chosen])
                                           for a in (view.labels, view.other_labels, view.share))
            taught = None if answers is None else torch.from_numpy(answers[number, chosen].astype(np.float32))
            loss_sum += lesson.learn(data.to_tensor(pixels[chosen]), labels, other_labels, share, taught,
                                     steps_left=(epochs - lesson.epoch) * steps - i)
        lesson.epoch += 1
        run.log(f"epoch {lesson.epoch}/{epochs} view {number} loss {loss_sum / steps:.4f} held out "
                f"{scores(lesson.average, held_out)} {batches.size / (time.time() - began):.0f} photos/s")
        run.save(lesson.state())
        if minutes is not None and lesson.epoch < epochs:
            epochs = min(recipe.epochs, lesson.epoch + epochs_left(started, 60 * minutes, lesson.epoch - first))


def scores(model, photos):
    logits = logits_of(model, photos.pixels)
    return ", ".join(f"{head} {accuracy(answer, photos.labels):.2f} %" for head, answer in
                    (("cls", logits[:, 0]), ("dist", logits[:, 1]), ("avg", logits.mean(1))))
