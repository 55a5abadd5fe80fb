"""Ready sets of OPRO's settings: the paper's, and the one that was found to be better here.

A setting that a preset leaves open (null or ``auto``) takes the value of its strategy, which
depends on what the model can do. What each is worth was measured: docs/optimizer.md.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from opro_cli.llm.base import Form

Strategy: TypeAlias = Literal["paper", "adaptive"]

_PAPER: dict[str, Any] = {
    "aim_by": "best",
    "duplicates": "keep",
    "oversample": 1,
    "tries": 1,
    "perturb": 0.0,
    "fill": False,
    "turn": False,
    "progress": False,
    "plateau": 0,
    "perturb_on_plateau": 0.0,
}
"""Every proposal is the model's, and is recorded again where it is known (OPRO, section 2)."""

_ADAPTIVE: dict[str, Any] = {
    "show": "mixed",
    "aim": 0.3,
    "aim_by": "spread",
    "duplicates": "refuse",
    "tries": 2,
    "fill": True,
}

STRATEGIES: dict[Strategy, dict[Form, dict[str, Any]]] = {
    "paper": {
        # A list is continued after a value: the model has to be given one to aim at.
        "list": {**_PAPER, "metaprompt": "list", "show": "mixed", "aim": 0.3},
        "instruct": {**_PAPER, "metaprompt": "instruct", "show": "best", "aim": 1.0},
    },
    "adaptive": {
        "list": {
            **_ADAPTIVE,
            "metaprompt": "rows",
            "oversample": 3,
            "perturb": 0.375,
            "turn": True,
            "progress": False,
            "plateau": 1,
            "perturb_on_plateau": 0.75,
        },
        "instruct": {
            **_ADAPTIVE,
            "metaprompt": "instruct",
            "oversample": 1,
            "perturb": 0.0,
            "turn": False,
            "progress": True,
            "plateau": 3,
            "perturb_on_plateau": 0.25,
        },
    },
}
