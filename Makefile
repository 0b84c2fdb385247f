.DEFAULT_GOAL := help
.PHONY: help setup dev run test check-all lint bench docs pictures site requirements clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?=
SETUP := $(VENV)/.ready
DEV := $(VENV)/.ready-dev
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
COMPILE := echo hatchling | uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet pyproject.toml -

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

setup: $(SETUP) ## create .venv with everything that `make run` needs, pinned

dev: $(DEV) ## add what the tests need: the extras live, dask, docs and dev

$(SETUP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11; call make PYTHON=python3.11 (or newer)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes --requirement requirements.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q src # pip has compiled the rest
	@touch $(SETUP)

$(DEV): requirements-dev.txt $(SETUP)
	$(PIP) --require-hashes --requirement requirements-dev.txt
	@touch $(DEV)

run: setup ## do the whole job: make run (simulated market) or make run DATA=../snapshot
	$(BIN)/bullbear run $(if $(DATA),--data "$(DATA)")

lint: dev ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint ## lint, types, floors and the test suite
	$(BIN)/pytest -m "not slow"

check-all: lint ## the suite with its slow checks
	$(BIN)/pytest --timeout 3600 --hypothesis-profile thorough

bench: dev ## ratios of benchmarks/, each measured within one run (the extra bench adds two libraries to compare with)
	$(BIN)/python -m benchmarks

docs: dev ## write docs/factors.md, docs/commands.md and the house of docs/architecture.md
	$(BIN)/python docs/house.py
	$(BIN)/python docs/commands.py
	$(BIN)/python -c 'from pathlib import Path; from bullbear.workflows.factor_catalogue import write_page; from bullbear.home import Home; write_page(Path("docs/factors.md"), Home(Path("nowhere")))'

pictures: dev ## take the pictures of README anew from a home: make pictures HOME_DIR=../market
	$(BIN)/python docs/pictures.py "$(HOME_DIR)"

site: dev ## build the site of docs/ into build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

requirements: ## resolve the three requirements files anew (needs uv)
	$(COMPILE) --extra train --extra tracking --extra report --extra live --extra dask --extra docs --extra dev --output-file requirements-dev.txt
	$(COMPILE) --constraint requirements-dev.txt --extra train --extra tracking --extra report --output-file requirements.txt
	$(COMPILE) --constraint requirements-dev.txt --output-file requirements-base.txt

clean: ## remove the environment and caches, never data or runs
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
