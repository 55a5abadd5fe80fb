"""Any text, any structure and any setting is a preset or a sentence."""

from __future__ import annotations

from pathlib import Path

import yaml
from hypothesis import strategies as st

from opro_cli.cli.plan import config
from opro_cli.core.errors import OproError
from opro_cli.optimizers import OPTIMIZERS
from opro_cli.presets.spec import General
from tests.conftest import EXAMPLES, for_all
from tests.planning import PROBLEM, make, write

KEYS = st.sampled_from(
    [
        *General.model_fields,
        "problem",
        "sweep",
        *OPTIMIZERS,
        "kind",
        "targets",
        "w",
        "b",
        "data",
        "x",
        "seeds",
        "first",
        "opro.temperature",
        "problem.targets",
        "sgd.batch_size",
        "rows",
        "bounds",
    ]
) | st.text(max_size=8)
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["linear", "opro", "sgd", "auto", "1e-6", 10**400, -1, 0, 1, 2.5, "best"]),
)
TREES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
GOOD = {"kind": "linear", "targets": [{"w": 1, "b": 2}], "num_points": 5}


def only_sentences(path: str) -> None:
    try:
        plan = make(path, dry=True)
        config.to_yaml(plan.preset, plan.resolved.sources, plan.optimizers, plan.grid)
    except OproError as error:
        assert error.message


@EXAMPLES
def test_any_text_is_a_preset_or_a_sentence(examples):
    def check(text):
        Path("any.yaml").write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        only_sentences("./any.yaml")

    pieces = st.lists(
        st.sampled_from(
            [PROBLEM, "sweep:", "opro:", "\n", "  ", "- ", "{", "}", "[", "]", ": ", "&a ", "*a",
             "!!int ", "'", '"', "|\n", "? ", "<<: ", "---\n", "# ", "%YAML 1.1\n", "seed", "1e9"]
        )
        | st.text(max_size=6),
        max_size=12,
    ).map("".join)  # fmt: skip
    for_all(examples, st.binary(max_size=60) | pieces, check)


@EXAMPLES
def test_any_structure_is_a_preset_or_a_sentence(examples):
    def check(tree):
        if isinstance(tree, dict):
            tree = {"problem": GOOD, **tree}
        Path("any.yaml").write_text(yaml.safe_dump(tree))
        only_sentences("./any.yaml")

    near = st.dictionaries(
        st.sampled_from([*General.model_fields, "sweep", "problem", *OPTIMIZERS]), TREES, max_size=3
    )
    problem = st.dictionaries(
        st.sampled_from(["kind", "targets", "num_points", "num_starts", "bounds", "seeds", "data"]),
        TREES,
        max_size=3,
    ).map(lambda part: {"problem": {**GOOD, **part}})
    for_all(examples, TREES | near | problem, check)


@EXAMPLES
def test_any_setting_typed_is_a_value_or_a_sentence(examples):
    write(PROBLEM, "any.yaml")

    def check(text):
        try:
            make("./any.yaml", settings=[text], dry=True)
        except OproError as error:
            assert error.message

    keys = st.sampled_from(
        ["reps", "opro.temperature", "problem.targets", "problem.seeds.noise.first", "sweep.seed",
         "sweep", "problem", "opro", "limits.attempts", "problem.data"]
    )  # fmt: skip
    values = st.text(max_size=12) | TREES.map(lambda tree: yaml.safe_dump(tree, width=10**6))
    for_all(examples, st.tuples(keys, values).map("=".join) | st.text(max_size=20), check)
