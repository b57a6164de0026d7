"""model1 and model2 as plain PyTorch loops, for side-by-side timing: all tensors resident, AdamW, dropout on.

usage: python torch_models.py MODE DF EMB --model model1|model2 [--epochs 5] [--batch 512] [--k 5] [--users 1500] [--lr 2e-3] [--threads N]
       python torch_models.py check GOLDEN DATA --model model1|model2
MODE   loop    two calls of the module a step, one a side, vectors gathered for each batch
       dedup   what dropout leaves alone is computed once a step for every distinct text of the split, and gathered after
       check   follows the golden case GOLDEN (path without extension) on the folder DATA, without dropout, in both ways, and
               prints the largest relative error of a step's loss; no timing
Prints one JSON line: mode, rows, texts, dim, epochs, seconds, ms_per_epoch (first epoch left out), loss of the last epoch, threads.
DF: .parquet or .jsonl with u_id, prompt_emb_idx, chosen_emb_idx, rejected_emb_idx; EMB: .npy [texts, dim] float32.
Needs torch, pandas, pyarrow, numpy.
"""

import argparse
import json
import math
import time

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
import torch.nn.functional as F


class Model1(nn.Module):
    """delta = sum_k f_x f_y r_u / sqrt(K), f_x = drop(LN(W_x x)), f_y = drop(LN(W_y y)), r_u = drop(W_id E_u)."""

    def __init__(self, dim, users, k, dropout):
        super().__init__()
        self.k = k
        self.W_x, self.W_y = nn.Linear(dim, k), nn.Linear(dim, k)
        self.ln_x, self.ln_y = nn.LayerNorm(k), nn.LayerNorm(k)
        self.user_id, self.W_id = nn.Embedding(users, 10), nn.Linear(10, k, bias=False)
        nn.init.normal_(self.user_id.weight, 0, 0.001)
        self.drop = nn.Dropout(0.1 if dropout else 0.0)

    def prompts(self, x):
        return self.ln_x(self.W_x(x))

    def answers(self, y):
        return self.ln_y(self.W_y(y))

    def head(self, u, x, y):
        user = self.drop(self.W_id(self.user_id(u)))
        return (self.drop(x) * self.drop(y) * user).sum(-1) / math.sqrt(self.k)

    def reg(self):
        return 1e-6 * sum(w.weight.abs().sum() for w in (self.W_x, self.W_y, self.W_id))


class Model2(nn.Module):
    """delta = clamp(scale, 0.1, 10) <f, r_u> / sqrt(K) over L2-normalised texts; a two-layer network for each of prompt, answer, both."""

    def __init__(self, dim, users, k, dropout):
        super().__init__()
        rate = lambda p: nn.Dropout(p if dropout else 0.0)
        self.k = k
        self.scale = nn.Parameter(torch.ones(()))
        self.proj_x = nn.Sequential(nn.Linear(dim, 256), nn.GELU(), rate(0.2), nn.Linear(256, k))
        self.proj_y = nn.Sequential(nn.Linear(dim, 256), nn.GELU(), rate(0.2), nn.Linear(256, k))
        self.ln_x, self.ln_y, self.ln_xy = nn.LayerNorm(k), nn.LayerNorm(k), nn.LayerNorm(k)
        self.xy = nn.Sequential(nn.Linear(2 * k, k), nn.GELU(), rate(0.1), nn.Linear(k, k))
        self.user_id, self.W_id = nn.Embedding(users, 16, max_norm=1.0), nn.Linear(16, k, bias=False)
        nn.init.normal_(self.user_id.weight, 0, 0.01)
        self.drop, self.user_drop = rate(0.1), rate(0.3)

    # Only the first Linear and its GELU come before a dropout.
    def prompts(self, x):
        return self.proj_x[1](self.proj_x[0](F.normalize(x)))

    def answers(self, y):
        return self.proj_y[1](self.proj_y[0](F.normalize(y)))

    def head(self, u, x, y):
        f_x = self.drop(self.ln_x(self.proj_x[3](self.proj_x[2](x))))
        f_y = self.drop(self.ln_y(self.proj_y[3](self.proj_y[2](y))))
        f = F.normalize(self.drop(self.ln_xy(self.xy(torch.cat([f_x, f_y], 1)))))
        user = F.normalize(self.user_drop(self.W_id(self.user_id(u))))
        return self.scale.clamp(0.1, 10) * (f * user).sum(-1) / math.sqrt(self.k)

    def reg(self):
        return 1e-3 * self.user_id.weight.pow(2).sum() + 1e-6 * self.W_id.weight.pow(2).sum()


MODELS = {"model1": Model1, "model2": Model2}


def read(path):
    return pd.read_parquet(path) if path.endswith(".parquet") else pd.read_json(path, lines=True)


class Loop:
    """One data set, one model, one optimiser; `step(rows)` takes one optimiser step and returns its loss before the update."""

    def __init__(self, net, df, emb, lr, dedup, weight_decay=0.0):
        columns = ("u_id", "prompt_emb_idx", "chosen_emb_idx", "rejected_emb_idx")
        self.u, self.x, self.c, self.r = (torch.tensor(df[name].to_numpy().astype(np.int64)) for name in columns)
        self.net, self.emb, self.dedup = net, emb, dedup
        self.optimizer = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=weight_decay)

    def margins(self, rows):
        net, u, x = self.net, self.u[rows], self.x[rows]
        sides = self.c[rows], self.r[rows]
        if self.dedup:
            prompts, answers = net.prompts(self.emb), net.answers(self.emb)
            w, l = (net.head(u, prompts[x], answers[side]) for side in sides)
        else:
            w, l = (net.head(u, net.prompts(self.emb[x]), net.answers(self.emb[side])) for side in sides)
        return w - l

    def step(self, rows):
        loss = F.softplus(-self.margins(rows)).mean() + self.net.reg()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()


def measure(a):
    df, emb = read(a.df), torch.tensor(np.load(a.emb), dtype=torch.float32)
    loop = Loop(MODELS[a.model](emb.shape[1], a.users, a.k, dropout=True), df, emb, a.lr, a.mode == "dedup")
    n, times = len(df), []
    for _ in range(a.epochs):
        started, order, total = time.perf_counter(), torch.randperm(n), torch.zeros(())
        for i in range(0, n, a.batch):
            rows = order[i : i + a.batch]
            total += loop.step(rows) * len(rows)
        last = float(total) / n
        times.append(time.perf_counter() - started)
    print(json.dumps(dict(
        mode=a.mode, model=a.model, rows=n, texts=len(emb), dim=emb.shape[1], epochs=a.epochs, seconds=round(sum(times), 4),
        ms_per_epoch=round(1e3 * float(np.median(times[1:] or times)), 3), loss=last, threads=torch.get_num_threads())))


def check(a):
    case, arrays = json.load(open(a.df + ".json")), np.load(a.df + ".npz")
    df = read(f"{a.emb}/dataset_pairwise_preferences_train_with_emb_and_ohe.parquet")
    emb = torch.tensor(np.load(f"{a.emb}/emb_train.npy"), dtype=torch.float32)
    users = len(arrays["init/user_id.weight"])
    for dedup in (False, True):
        net = MODELS[a.model](emb.shape[1], users, case["model_config"]["n_dim"], dropout=False)
        start = {name: torch.tensor(arrays[f"init/{name}"]) for name in net.state_dict()}
        net.load_state_dict(start)
        trainer = case["trainer"]
        loop = Loop(net, df, emb, trainer["learning_rate"], dedup, trainer.get("weight_decay", 0.0))
        batches = [torch.arange(i, min(i + trainer["batch_size"], len(df))) for i in range(0, len(df), trainer["batch_size"])]
        errors = []
        for i, step in enumerate(case["steps"]):
            loss = float(loop.step(batches[i % len(batches)]))
            errors.append(abs(loss - step["loss"]) / abs(step["loss"]))
        print(json.dumps(dict(mode="dedup" if dedup else "loop", case=a.df.split("/")[-1], steps=len(errors), largest_relative_error=max(errors))))


parser = argparse.ArgumentParser()
parser.add_argument("mode", choices=["loop", "dedup", "check"])
parser.add_argument("df")
parser.add_argument("emb")
parser.add_argument("--model", choices=MODELS, required=True)
for flag, default in (("epochs", 5), ("batch", 512), ("k", 5), ("users", 1500), ("threads", 0)):
    parser.add_argument(f"--{flag}", type=int, default=default)
parser.add_argument("--lr", type=float, default=2e-3)
arguments = parser.parse_args()
if arguments.threads:
    torch.set_num_threads(arguments.threads)
(check if arguments.mode == "check" else measure)(arguments)
