# The two commands of the README are `make demo` and `make test`; the rest is for those who work on curator.
PYTHON ?= python3
INSTALL = $(PYTHON) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e
DATA = CURATOR_DATA=$${CURATOR_DATA:-../shared/data}

.PHONY: demo test test-all check fix bench clean

demo:            ## install, then raw dumps to a trained model in a few minutes: runs/quickstart/report.html
	$(INSTALL) ".[quickstart]"
	curator run pipelines/quickstart.yaml

test:            ## install, then the fast tests
	$(INSTALL) ".[dev]"
	$(DATA) $(PYTHON) -m pytest -n 2 -m "not slow"

test-all:        ## every test, the slow ones too
	$(INSTALL) ".[dev]"
	$(DATA) $(PYTHON) -m pytest -n 2

check:           ## style, types, layers
	ruff check . && ruff format --check . && lint-imports && pyright

fix:             ## what ruff can mend by itself
	ruff check --fix . && ruff format .

bench:           ## every benchmark of BENCHMARKS.md
	$(DATA) $(PYTHON) -m tests.bench

clean:
	rm -rf runs build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
