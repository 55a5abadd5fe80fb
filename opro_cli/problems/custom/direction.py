"""Which values of a function are better, guessed from its name."""

from __future__ import annotations

import re

from opro_cli.core.problem import Direction

LOWER = re.compile(
    r"loss|losses|error|errors|err|cost|costs|regret|penalty|risk|energy|distance|dist|deviation"
    r"|residual|mse|rmse|mae|mape|nll|perplexity|latency|runtime|time|waste|failures|misses"
)
HIGHER = re.compile(
    r"accuracy|acc|auc|f1|r2|score|reward|return|profit|gain|fitness|utility|likelihood|precision"
    r"|recall|right|correct|quality|throughput|yield|efficiency|revenue|savings?|reduction"
)
TURNED = re.compile(r"neg|negative|negated|minus|inverse|inv|savings?|reduction")
"""Words after or before which the opposite is better: ``neg_loss``, ``cost_reduction``."""


def guess_direction(name: str) -> Direction | None:
    """What the words of a name say: those of a loss count more. None where they say nothing."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+", name)]
    lower = any(map(LOWER.fullmatch, words))
    if not lower and not any(map(HIGHER.fullmatch, words)):
        return None
    own = HIGHER if not lower else LOWER
    turned = any(TURNED.fullmatch(word) and not own.fullmatch(word) for word in words)
    return "minimize" if lower != turned else "maximize"
