"""The page of commands shows the commands and options that there are."""

from __future__ import annotations

import importlib.util
import shlex
from pathlib import Path

import pytest
import typer

from opro_cli.cli.app import COMMANDS, app
from opro_cli.llm.local.known import INSTRUCTED

DOCS = Path(__file__).parent.parent / "docs"


def test_the_page_is_that_of_today():
    spec = importlib.util.spec_from_file_location("write_commands", DOCS / "write_commands.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    said = "python docs/write_commands.py writes it anew"
    assert (DOCS / "commands.md").read_text() == module.page(), said


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_can_be_read(name):
    words = shlex.split(COMMANDS[name].example.partition(" > ")[0])
    assert words[: 1 + len(name.split())] == ["opro", *name.split()]
    command = typer.main.get_command(app)
    arguments = words[1:]
    for word in name.split():
        command = command.commands[word]
        assert arguments.pop(0) == word
    command.make_context(name, arguments)  # raises a usage error for an unknown option


def test_the_page_of_models_names_every_model_that_is_installed_with_us():
    text = (DOCS / "models.md").read_text()
    assert all(f"`local:{model.name}`" in text for model in INSTRUCTED)
