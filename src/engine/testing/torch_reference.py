"""Writes torch_reference.json: what PyTorch's schedules and optimisers do, for the tests beside them.

Run once by hand (`python torch_reference.py`, torch 2.x), then format it with Prettier; neither the product nor its tests need Python.
"""

import json
import math
import pathlib

import torch

torch.set_default_dtype(torch.float64)


def follow(trainer, steps):
    """Learning rate and first beta before each optimiser step."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    lr = trainer["learning_rate"]
    optimizer = torch.optim.AdamW([parameter], lr=lr, betas=tuple(trainer["betas"]))
    if trainer["scheduler"] == "onecycle":
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=trainer.get("max_lr", lr), total_steps=steps)
    else:
        warmup = int(0.05 * steps) if trainer["warmup_steps"] == -1 else trainer["warmup_steps"]
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(
            torch.optim.SGD([parameter], lr=lr), T_max=max(1, steps - warmup), eta_min=trainer["min_lr"]
        )
    rates, betas = [], []
    for step in range(steps):
        if trainer["scheduler"] == "onecycle":
            rates.append(optimizer.param_groups[0]["lr"])
            betas.append(optimizer.param_groups[0]["betas"][0])
            optimizer.step()
            if step < steps - 1:
                scheduler.step()
        else:
            betas.append(trainer["betas"][0])
            if step < warmup:
                rates.append(lr * step / warmup)
            else:
                rates.append(cosine.get_last_lr()[0])
                cosine.optimizer.step()
                cosine.step()
    return {"trainer": trainer, "steps": steps, "learningRate": rates, "beta1": betas}


def plateau(trainer, losses):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=trainer["learning_rate"])
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        factor=trainer["plateau_factor"],
        patience=trainer["plateau_patience"],
        min_lr=trainer["min_lr"],
    )
    rates = []
    for loss in losses:
        scheduler.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    return {"trainer": trainer, "losses": losses, "learningRate": rates}


OPTIMISERS = {"Adam": torch.optim.AdamW, "AdamW": torch.optim.AdamW, "SGD": torch.optim.SGD, "RMSprop": torch.optim.RMSprop}


def optimise(trainer, steps=24):
    generator = torch.Generator().manual_seed(7)
    start = torch.randn(6, generator=generator)
    # Of very different sizes, one of them always 0: eps and the bias corrections then matter.
    scale = torch.tensor([1e-9, 1e-4, 1e-1, 1.0, 30.0, 0.0])
    gradients = torch.randn(steps, 6, generator=generator) * scale
    parameter = torch.nn.Parameter(start.clone())
    options = {"lr": trainer["learning_rate"], "weight_decay": trainer["weight_decay"]}
    if trainer["optimizer"] in ("Adam", "AdamW"):
        options |= {"betas": tuple(trainer["betas"]), "eps": trainer["eps"]}
    if trainer["optimizer"] == "RMSprop":
        options |= {"eps": trainer["eps"]}
    optimizer = OPTIMISERS[trainer["optimizer"]]([parameter], **options)
    scheduler = None
    if trainer["scheduler"] == "onecycle":
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=trainer["learning_rate"], total_steps=steps)
    parameters = []
    for gradient in gradients:
        parameter.grad = gradient.clone()
        if "gradient_clip_val" in trainer:
            torch.nn.utils.clip_grad_norm_([parameter], trainer["gradient_clip_val"])
        optimizer.step()
        if scheduler and len(parameters) < steps - 1:
            scheduler.step()
        parameters.append(parameter.detach().tolist())
    return {
        "trainer": trainer,
        "start": start.tolist(),
        "gradients": gradients.tolist(),
        "parameters": parameters,
    }


BASE = {"learning_rate": 2e-3, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0, "min_lr": 1e-7, "warmup_steps": -1}

schedules = [
    follow(BASE | {"scheduler": "cosine", "warmup_steps": warmup}, steps)
    for steps in (1, 2, 3, 20, 47)
    for warmup in (-1, 0, 1, 7, 100)
] + [
    follow(BASE | {"scheduler": "onecycle"} | extra, steps)
    for steps in (1, 2, 3, 4, 6, 7, 10, 47)
    for extra in ({}, {"max_lr": 0.1})
]

noisy = [1 + math.cos(0.7 * i) * 0.1 - 0.02 * min(i, 8) for i in range(30)]
flat = [0.5] * 30
barely = [0.5 * (1 - 0.00009) ** i for i in range(30)]
plateaus = [
    plateau(BASE | {"scheduler": "reduce_on_plateau", "plateau_factor": f, "plateau_patience": p, "min_lr": m}, losses)
    for losses in (noisy, flat, barely)
    for f, p, m in ((0.1, 0, 1e-7), (0.5, 2, 1e-7), (0.9, 1, 1.9e-3), (0.1, 3, 1.0))
]

optimisers = [
    optimise(BASE | {"scheduler": "none"} | extra)
    for extra in (
        {"optimizer": "Adam"},
        {"optimizer": "AdamW", "weight_decay": 0.1, "learning_rate": 0.05},
        {"optimizer": "AdamW", "weight_decay": 0.01, "betas": [0.5, 0.7], "eps": 1e-3, "learning_rate": 0.05},
        {"optimizer": "AdamW", "weight_decay": 0.1, "scheduler": "onecycle", "learning_rate": 0.1},
        {"optimizer": "SGD"},
        {"optimizer": "SGD", "weight_decay": 0.1, "learning_rate": 0.05},
        {"optimizer": "RMSprop"},
        {"optimizer": "RMSprop", "weight_decay": 0.1, "eps": 1e-3},
        {"optimizer": "SGD", "gradient_clip_val": 0.5, "learning_rate": 0.05},
        {"optimizer": "AdamW", "gradient_clip_val": 1000.0, "learning_rate": 0.05},
        {"optimizer": "RMSprop", "gradient_clip_val": 0.5, "weight_decay": 0.1},
    )
]

file = pathlib.Path(__file__).with_suffix(".json")
result = {"torch": torch.__version__, "schedules": schedules, "plateaus": plateaus, "optimisers": optimisers}
file.write_text(json.dumps(result) + "\n")
print(file, file.stat().st_size)
