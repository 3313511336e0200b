# `make demo` and `make test` set everything up by themselves, in a virtual environment of their own (VENV).
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DATA = CURATOR_DATA="$${CURATOR_DATA:-$(abspath ../shared/data)}"
PYTEST = $(DATA) $(BIN)/python -m pytest -n 2 --dist loadfile

.PHONY: demo test test-all check fix bench clean

demo: $(VENV)/.demo  ## raw dumps to a trained model in a few minutes; then open runs/quickstart/report.html
	$(BIN)/curator run pipelines/quickstart.yaml

test: $(VENV)/.dev  ## the tests that take minutes in all
	$(PYTEST) -m "not slow"

test-all: $(VENV)/.dev  ## every test
	$(PYTEST)

check: $(VENV)/.dev  ## style, types, layers
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports && $(BIN)/pyright --pythonpath $(BIN)/python

fix: $(VENV)/.dev  ## what ruff can mend by itself
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

bench: $(VENV)/.dev  ## the benchmarks of BENCHMARKS.md; one of them with BENCH=filters
	@set -e; for bench in $(or $(BENCH),$(basename $(notdir $(wildcard tests/bench/*.py)))); do \
		echo; echo "## $$bench"; $(DATA) $(BIN)/python tests/bench/$$bench.py; done

clean:
	rm -rf runs build dist .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.demo: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[quickstart]"
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@
