"""Writes what evaluateSplit.test.ts compares with: python3 sklearn_reference.py > sklearnReference.json"""

import json

import numpy as np
import sklearn
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

rng = np.random.default_rng(11)
cases = []
for pairs, users, scale in [(600, 25, 1.5), (47, 3, 0.5), (2000, 60, 6.0)]:
    of = np.concatenate([np.arange(users), rng.choice(users, pairs - users, p=rng.dirichlet(np.ones(users)))])
    z = np.float32(rng.normal(0.4 + 0.5 * np.sin(of), scale, pairs))
    z[:3] = 0
    p = 1 / (1 + np.exp(-z.astype(float)))
    # Every pair once as it is (the first answer preferred) and once swapped.
    label = np.concatenate([np.ones(pairs), np.zeros(pairs)])
    score = np.concatenate([p, 1 - p])
    right = z > 0
    own = np.array([right[of == user].mean() for user in range(users)])
    confidence = np.maximum(p, 1 - p)
    order = np.argsort(confidence, kind="stable")
    bins = np.split(order, [len(order) * b // 15 for b in range(1, 15)])
    cases.append(
        {
            "users": of.tolist(),
            "z": z.tolist(),
            "accuracy": float(right.mean()),
            "user_accuracy": float(own.mean()),
            "worst_decile": float(np.sort(own)[: -(-users // 10)].mean()),
            "nll": log_loss(label, score),
            "brier": brier_score_loss(label, score),
            "auc": roc_auc_score(label, np.concatenate([z, -z])),
            "ece": float(sum(len(b) / pairs * abs(confidence[b].mean() - right[b].mean()) for b in bins)),
        }
    )
print(json.dumps({"sklearn": sklearn.__version__, "cases": cases}))
