"""``import opro_cli`` takes no time, and names all that the API has."""

from __future__ import annotations

import subprocess
import sys
import types

import opro_cli
from opro_cli import api

HEAVY = ("numpy", "pydantic", "rich", "google", "yaml", "typer", "asyncio", "xllamacpp")


def test_the_import_is_light():
    code = f"import opro_cli, sys; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_names_are_those_of_the_api():
    assert opro_cli.__all__ == api.__all__
    assert set(api.__all__) <= set(dir(opro_cli))
    for name in set(api.__all__) - {"report"}:
        assert getattr(opro_cli, name) is getattr(api, name)


def test_report_is_a_package_and_a_function():
    from opro_cli.report import render

    assert isinstance(opro_cli.report, types.ModuleType)
    assert opro_cli.report.render is render
    assert callable(opro_cli.report)


def test_other_names_are_errors():
    assert not hasattr(opro_cli, "minimise")
