# make demo    install, watch the embedded model fit three lines, print the report
# make test    install, lint, types, the whole test suite
# make long    the test suite with its long proofs
# make lint    format check, lint and types alone
# make lock    the versions and hashes of what `make test` installs, anew

PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3))
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test long lint lock format clean

demo: $(VENV)/.local
	$(BIN)/opro sweep quickstart --model local --fresh
	$(BIN)/opro report --preset quickstart

test: lint
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

long: lint
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal --long

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# One environment for both: what `demo` needs is part of what `test` needs.
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "opro needs Python 3.11 or newer; try: make PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python has no venv module here; on Debian: apt install python3-venv"; exit 2; }
	@touch $@

$(VENV)/.local: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[local]'
	@touch $@

# First what is locked, by its hashes; then what was added since, and the package itself.
$(VENV)/.dev: $(VENV)/.python pyproject.toml requirements.lock
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.local

# No address of an index is written into the file.
lock: $(VENV)/.python
	$(BIN)/python -m pip install --quiet 'uv>=0.9'
	$(BIN)/uv pip compile --quiet pyproject.toml --extra dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-package opro-cli --no-emit-index-url --no-header --no-annotate \
	  --output-file requirements.lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
