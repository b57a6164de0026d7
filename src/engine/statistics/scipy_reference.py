"""Writes what statistics.test.ts compares with: python3 scipy_reference.py > scipyReference.json"""

import json

import numpy as np
import scipy
from scipy import optimize, spatial, stats

rng = np.random.default_rng(7)
cases = []
for n, kinds in [(2, 9), (5, 3), (30, 4), (200, 1000), (500, 10)]:
    x = rng.integers(0, kinds, n).astype(float)
    y = np.round(0.4 * x + rng.normal(0, kinds / 4, n), 1)
    positive = rng.random(n) < 0.4
    positive[0], positive[1] = True, False
    area = stats.mannwhitneyu(y[positive], y[~positive]).statistic / (positive.sum() * (~positive).sum())
    cases.append(
        {
            "x": x.tolist(),
            "y": y.tolist(),
            "positive": positive.astype(int).tolist(),
            "ranks": stats.rankdata(y).tolist(),
            "spearman": stats.spearmanr(x, y).statistic,
            "pearson": stats.pearsonr(x, y).statistic,
            "kendall": stats.kendalltau(x, y).statistic,
            "auc": area,
        }
    )

mcnemar = [[a, b, stats.binomtest(min(a, b), a + b, 0.5).pvalue] for a, b in [(0, 1), (3, 9), (10, 10), (40, 71), (900, 1010)]]

flips = []
for n in [3, 9, 14, 60, 300]:
    values = np.round(rng.normal(0.1, 0.5, n), 2)
    exact = n <= 16
    test = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf if exact else 200_000, rng=1
    )
    flips.append({"values": values.tolist(), "p": test.pvalue, "exact": exact})

p = [0.01, 0.04, 0.03, 0.005, 0.5, 0.04]
# Holm 1979, by hand: ordered p times 6, 5, 4, 3, 2, 1, then the running maximum.
order = np.argsort(p, kind="stable")
corrected = np.empty(len(p))
corrected[order] = np.minimum(1, np.maximum.accumulate(np.array(p)[order] * np.arange(len(p), 0, -1)))

pairs = rng.integers(1, 40, 50)
right = rng.binomial(pairs, rng.beta(8, 3, 50))
boot = stats.bootstrap(
    (right, pairs),
    lambda r, n, axis=-1: r.sum(axis=axis) / n.sum(axis=axis),
    paired=True,
    vectorized=True,
    n_resamples=100_000,
    method="percentile",
    rng=3,
)
interval = {
    "right": right.tolist(),
    "pairs": pairs.tolist(),
    "value": right.sum() / pairs.sum(),
    "low": boot.confidence_interval.low,
    "high": boot.confidence_interval.high,
}
wilson = []
for k, n in [(7, 10), (0, 4), (4, 4), (1, 1), (120, 150)]:
    ci = stats.binomtest(k, n).proportion_ci(method="wilson")
    wilson.append([k, n, float(ci.low), float(ci.high)])
assignments = []
for rows, columns in [(1, 1), (3, 3), (4, 7), (7, 4), (30, 30), (12, 40)]:
    costs = np.round(rng.normal(size=(rows, columns)), 3)
    # Ties too.
    costs[: rows // 2] = np.round(costs[: rows // 2], 0)
    row, column = optimize.linear_sum_assignment(costs)
    assignments.append({"costs": costs.tolist(), "least": float(costs[row, column].sum())})
procrustes = []
for n, mirrored in [(4, False), (60, True)]:
    a = np.round(rng.normal(size=(n, 2)), 3)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]]) @ (np.diag([1, -1]) if mirrored else np.eye(2))
    b = np.round(2.5 * a @ turn + [3, -1] + rng.normal(0, 0.4, (n, 2)), 3)
    one, other, disparity = spatial.procrustes(a, b)
    # Back from a's own place and size.
    aligned = other * np.linalg.norm(a - a.mean(0)) + a.mean(0)
    procrustes.append({"a": a.tolist(), "b": b.tolist(), "aligned": aligned.tolist(), "disparity": disparity})
print(
    json.dumps(
        {
            "scipy": scipy.__version__,
            "cases": cases,
            "mcnemar": mcnemar,
            "flips": flips,
            "holm": {"p": p, "corrected": corrected.tolist()},
            "interval": interval,
            "wilson": wilson,
            "assignments": assignments,
            "procrustes": procrustes,
        }
    )
)
