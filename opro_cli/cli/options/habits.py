"""Words that people type by habit, and the command that does it here."""

from __future__ import annotations

import difflib
import itertools
import shlex
from collections.abc import Iterable, Mapping, Sequence

HABITS: Mapping[str, Mapping[str, str]] = {
    "opro": {
        **dict.fromkeys(("run", "opro", "start", "optimize", "minimize"), "opro run-opro"),
        **dict.fromkeys(("sgd", "gradient-descent"), "opro run-sgd"),
        **dict.fromkeys(("baseline", "baselines"), "opro run-baseline --optimizer NAME"),
        **dict.fromkeys(("all", "grid", "bench", "benchmark"), "opro sweep PRESET"),
        **dict.fromkeys(("list", "ls", "status", "ps", "log", "logs"), "opro runs list"),
        **dict.fromkeys(("show", "inspect", "cat", "view"), "opro runs show"),
        **dict.fromkeys(("rm", "remove", "delete", "clean"), "opro runs rm RUN"),
        **dict.fromkeys(("best", "result"), "opro runs best RUN"),
        "diff": "opro runs diff A B",
        **dict.fromkeys(("continue", "restart", "retry"), "opro resume"),
        **dict.fromkeys(("table", "tables", "results", "summary"), "opro report"),
        **dict.fromkeys(("chart", "graph", "figure", "draw"), "opro plot"),
        **dict.fromkeys(("verify", "recompute"), "opro replay runs"),
        **dict.fromkeys(("new", "create", "begin"), "opro init FILE.py:NAME"),
        **dict.fromkeys(("validate", "doctor", "lint"), "opro check PRESET"),
        **dict.fromkeys(("fetch", "pull", "download", "install"), "opro models fetch NAME"),
        **dict.fromkeys(("preset", "examples", "tasks", "problems"), "opro presets"),
        **dict.fromkeys(("model", "providers"), "opro models"),
        **dict.fromkeys(("estimate", "plan", "cost", "dry-run"), "opro sweep PRESET --dry-run"),
        **dict.fromkeys(("config", "settings"), "opro run-opro PRESET --print-config"),
        "version": "opro --version",
        **dict.fromkeys(("completion", "completions"), "opro --install-completion"),
    },
    "runs": {
        **dict.fromkeys(("ls", "all", "status"), "opro runs list"),
        **dict.fromkeys(("cat", "view", "inspect", "get"), "opro runs show"),
        **dict.fromkeys(("remove", "delete", "del", "clean"), "opro runs rm RUN"),
        "compare": "opro runs diff A B",
        **dict.fromkeys(("resume", "continue"), "opro resume RUN"),
        "report": "opro report RUN",
        "replay": "opro replay RUN",
    },
    "models": {
        **dict.fromkeys(("list", "ls", "show"), "opro models"),
        **dict.fromkeys(("pull", "get", "download", "install", "add"), "opro models fetch NAME"),
    },
    "presets": {
        **dict.fromkeys(("list", "ls"), "opro presets"),
        **dict.fromkeys(("cat", "view"), "opro presets show PRESET"),
        **dict.fromkeys(("run", "start"), "opro run-opro PRESET"),
    },
}
"""By the command, or group of commands, in which the word is typed."""


def leads_to(group: str, word: str, known: Iterable[str]) -> str:
    """The sentence for a word that is no command; empty where nothing is like it.

    Args:
        group: where it was typed: "opro", or a group of commands.
        word: what was typed.
        known: the commands there.
    """
    habits = HABITS.get(group, {})
    if word in habits:
        return f"Type: {habits[word]}"
    before = "opro" if group == "opro" else f"opro {group}"
    meant = {name: f"{before} {name}" for name in known}
    near = difflib.get_close_matches(word[:100].lower(), [*meant, *habits], n=1, cutoff=0.6)
    return f"Did you mean: {meant.get(near[0]) or habits[near[0]]}" if near else ""


def run_of_preset(word: str) -> str:
    """The sentence for a preset that is typed as a command; empty where it is none."""
    from opro_cli.presets import files

    return f"It is a preset. Type: opro run-opro {word}" if word in files.available() else ""


_NUMBERS = {
    **dict.fromkeys(("--budget", "--evaluations", "--trials", "--n-trials"), "--max-evaluations N"),
    **dict.fromkeys(("--steps", "--iterations"), "--max-steps N"),
    **dict.fromkeys(("--repetitions", "--repeats", "--runs"), "--reps N"),
}
_BASELINE = dict.fromkeys(("--optimizer", "-O"), "opro run-baseline PRESET --optimizer NAME")

OPTIONS: Mapping[str, Mapping[str, str]] = {
    **{name: {**_NUMBERS, **_BASELINE} for name in ("run-opro", "run-sgd", "sweep")},
    "run-baseline": _NUMBERS,
    "compare": {**_NUMBERS, "--baseline": "-O NAME first; the others are held against it"},
    "check": {"--max-evaluations": "opro run-opro PRESET --max-evaluations N --dry-run"},
    "report": {
        "--html": "-o report.html",
        "--json": "--format json",
        "--csv": "-o report.csv",
        "--markdown": "--format markdown",
        "--md": "--format markdown",
        "--latex": "-o report.tex",
    },
    "plot": {"--svg": "-o figure.svg", "--png": "-o figure.png", "--pdf": "-o figure.pdf"},
}
"""By command, options that people type by habit, and the one that does it here."""


def meant_option(command: str, option: str) -> str:
    """The sentence for an option that a command has not; empty where nothing is like it."""
    meant = OPTIONS.get(command, {}).get(option)
    return f"Type: {meant}" if meant else ""


def split_function(command: str, words: Sequence[str]) -> str:
    """The command that is meant where file and function are two words; or empty."""
    if command != "init":
        return ""
    for file, function in itertools.pairwise(words):
        if file.endswith(".py") and not file.startswith("-") and function.isidentifier():
            return f"opro init {shlex.quote(f'{file}:{function}')}"
    return ""


def split_target(words: Sequence[str]) -> str:
    """The target that is meant where its parts stand apart, as in --target w=15 b=14; or empty."""
    for i, word in enumerate(words):
        if word == "--target" or word.startswith("--target="):
            first = i + 1 if word == "--target" else i
            parts = list(itertools.takewhile(lambda w: "=" in w and w[0] != "-", words[i + 1 :]))
            parts = parts if first > i else [word.partition("=")[2], *parts]
            if len(parts) > 1:
                return ",".join(part.strip(",") for part in parts)
    return ""


CALLED: Mapping[str, str] = {
    **dict.fromkeys(("gradient-descent", "gradient_descent", "gd"), "sgd"),
    **dict.fromkeys(("bayesian", "bayes", "bo", "optuna", "hyperopt"), "tpe"),
    **dict.fromkeys(("random-search", "random_search"), "random"),
    **dict.fromkeys(("cma", "cmaes"), "cma-es"),
    **dict.fromkeys(("simplex", "neldermead", "nelder_mead"), "nelder-mead"),
}
"""Optimizers by other names that they have."""
