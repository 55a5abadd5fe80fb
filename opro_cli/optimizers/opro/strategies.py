"""The strategies: values for the settings of OPRO that a preset leaves open.

A strategy has other values for models that follow instructions than for models that only continue
text. docs/optimizer.md has what each setting is worth, measured.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from opro_cli.core.model import Ability

Strategy: TypeAlias = Literal[
    "paper", "adaptive", "reflect", "no-scores", "one-step", "rephrase", "halving"
]

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

STRATEGIES: dict[str, dict[Ability, dict[str, Any]]] = {
    "paper": {
        # A list is continued after a value: the model has to be given one to aim at.
        "continue": {**_PAPER, "metaprompt": "list", "show": "mixed", "aim": 0.3},
        "instruct": {**_PAPER, "metaprompt": "instruct", "show": "best", "aim": 1.0},
    },
    "adaptive": {
        "continue": {
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
"""The values by strategy and by the model's ability."""

_TEXTS: dict[str, Any] = {
    **_PAPER,
    "metaprompt": "tags",
    "show": "best",
    "aim": 1.0,
    "exemplars": 3,
    "exemplar_choice": "random",
    "scores": True,
    "trajectory": True,
    "reflect": 0.0,
    "race": "off",
}
"""OPRO's own loop for instructions (section 5 and appendix C of the paper)."""

_NEW = {"duplicates": "refuse", "tries": 2}

TEXT_STRATEGIES: dict[Strategy, dict[str, Any]] = {
    "paper": _TEXTS,
    "reflect": {**_TEXTS, **_NEW, "reflect": 0.5, "exemplar_choice": "wrong"},
    "adaptive": {**_TEXTS, **_NEW, "exemplar_choice": "wrong", "race": "paired"},
    # The baselines that ask a model.
    "no-scores": {**_TEXTS, "scores": False},
    "one-step": {**_TEXTS, "trajectory": False},
    "rephrase": {**_TEXTS, "metaprompt": "rephrase", "exemplars": 0},
    "halving": {**_TEXTS, "trajectory": False, "race": "halving"},
}
"""The values by strategy where points are texts, such as instructions."""
