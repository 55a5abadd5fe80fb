"""What pyproject.toml, the lock file and the Dockerfile say of installing fits together."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import ModelRequest
from opro_cli.llm import choose_model
from opro_cli.llm.local.engine import WHEELS

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCK = (ROOT / "requirements.lock").read_text()
LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+?)(?: ; (.*?))? \\$", re.M)


def needed(extra: str) -> set[Requirement]:
    """What an extra needs, its own extras followed."""
    found: set[Requirement] = set()
    for text in EXTRAS[extra]:
        requirement = Requirement(text)
        if requirement.name == PROJECT["name"]:
            found = found.union(*(needed(name) for name in requirement.extras))
        else:
            found.add(requirement)
    return found


def test_the_command_has_the_name_of_the_package_too():
    assert PROJECT["scripts"][PROJECT["name"]] == PROJECT["scripts"]["opro"]


def test_an_extra_has_a_bound_above_where_it_follows_another_project():
    for name in ("openai", "providers", "prices", "otlp", "mlflow"):
        for requirement in needed(name):
            assert any(part.operator == "<" for part in requirement.specifier), requirement


SYSTEMS = [
    *(("linux", m) for m in ("x86_64", "aarch64", "armv7l", "riscv64", "i686")),
    *(("win32", m) for m in ("AMD64", "ARM64", "x86")),
    *(("darwin", m) for m in ("arm64", "x86_64")),
    ("freebsd14", "amd64"),
]


@pytest.mark.parametrize(("system", "machine"), SYSTEMS)
def test_the_engine_is_installed_where_it_has_a_wheel(system, machine):
    (engine,) = needed("engine")
    here = {"sys_platform": system, "platform_machine": machine}
    assert engine.marker is not None
    assert Marker(str(engine.marker)).evaluate(here) == ((system, machine) in WHEELS)


def test_where_it_has_none_the_local_model_says_so(monkeypatch):
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr("platform.machine", lambda: "ARM64")
    monkeypatch.setattr("opro_cli.llm.local.provider.installed", lambda packaged=True: False)
    with pytest.raises(
        ModelUnavailable, match=r"no wheel for this system \(win32, ARM64\)"
    ) as caught:
        choose_model(ModelRequest("local"), {})
    assert "ollama:MODEL" in caught.value.hint


def test_the_lock_has_everything_that_the_tests_install():
    locked: dict[str, list[str]] = {}
    for name, version, _ in LOCKED.findall(LOCK):
        locked.setdefault(canonicalize_name(name), []).append(version)
    wanted = {*needed("dev"), *map(Requirement, PROJECT["dependencies"])}
    missing = {
        str(requirement)
        for requirement in wanted
        if not any(
            requirement.specifier.contains(version, prereleases=True)
            for version in locked.get(canonicalize_name(requirement.name), [])
        )
    }
    assert not missing, "make lock writes it anew"


def test_the_lock_has_a_hash_for_everything_and_names_no_server():
    entries = re.split(r"\n(?=\S)", LOCK.strip())
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    assert not re.search(r"://|--(extra-)?index-url|--find-links", LOCK)


def test_the_image_installs_extras_that_there_are():
    text = (ROOT / "Dockerfile").read_text()
    (default,) = re.findall(r"ARG EXTRAS=(\S+)", text)
    named = {*default.split(","), *re.findall(r"EXTRAS=(\S+)", text)[0].split(",")}
    assert named <= set(EXTRAS)
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".env", ".git", "runs"} <= set(ignored)


def test_the_page_names_every_extra():
    page = (ROOT / "docs" / "installing.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z-]+)`", row.split("|")[1])}
    assert named == set(EXTRAS)
    classifiers = " ".join(PROJECT["classifiers"])
    assert "Python :: 3.14" in classifiers
    assert "Python 3.11 to 3.14" in page
