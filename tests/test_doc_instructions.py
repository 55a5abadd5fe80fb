"""The page about instructions names every metric."""

from __future__ import annotations

import pytest

from opro_cli.problems.instructions.metrics import METRICS
from tests.pages import ROOT


@pytest.mark.parametrize("name", [*METRICS])
def test_every_metric_is_in_the_table(name):
    assert f"\n| `{name}` |" in (ROOT / "docs" / "instructions.md").read_text()
