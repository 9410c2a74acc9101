# Everything a newcomer needs. Needs only python3.11 or later with pip and venv, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO := "Build a task management web app: users create projects, tasks have a title, description, status (todo, doing, done), priority and due date, can be assigned to a member and filtered by status"
PYTEST_OPTIONS ?=

.PHONY: setup demo test lint types imports bench check clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Maestro needs Python 3.11 or later; try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[offline,browser,dev]'
	@touch $(STAMP)

demo: $(STAMP)
	@$(BIN)/maestro build $(DEMO) --output out/demo

test: $(STAMP)
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(PYTEST_OPTIONS)

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP)
	@$(BIN)/mypy

imports: $(STAMP)
	@$(BIN)/lint-imports

bench: $(STAMP)
	@$(BIN)/python bench/engine_steps.py

check: lint types imports test

clean:
	@rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
