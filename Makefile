# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

# Nothing is written outside this folder: not by pip, and not by what the tests drive.
export XDG_CACHE_HOME := $(CURDIR)/$(VENV)/cache
# Tests start many processes, each of which would compile everything again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test lint types docs check pytest slow bench calibration agreement lock clean

help:
	@echo "make demo    validate the bundled survey and say where the report lies"
	@echo "make test    lint, types and all tests"
	@echo "make docs    the documentation, in build/site"
	@echo "make slow    recovery and calibration studies"
	@echo "make bench   speed against the peers found on this machine"
	@echo "make calibration  how often tests reject and intervals cover, tabled (slow)"
	@echo "make agreement  how far numbers lie from those of lavaan and others, tabled (slow)"
	@echo "make lock    renew the locked versions in requirements/"

# The build tools come first and from their own lock, so that the few dependencies
# published as source only are built without fetching anything that is not locked.
$(READY): requirements/build.lock requirements/runtime.lock pyproject.toml
	@echo "Setting up $(VENV) from the locked versions (about a minute, once) ..."
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"kobling needs Python 3.11 or newer; {sys.executable} is {v.major}.{v.minor}. Name another with: make PYTHON=...")'
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --require-hashes -r requirements/build.lock
	@$(PIP) install --require-hashes --no-build-isolation -r requirements/runtime.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: $(READY)
	@$(BIN)/kobling demo --out demo-report

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

# A broken link, or a page that would load something from elsewhere, fails. Built anew each time,
# so that no page of a name that is gone stays behind.
docs: $(READY)
	@rm -rf build/site docs/reference/names
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -b html -W --keep-going -q docs build/site

check: lint types docs

# These beside tests: at the end of either, one of two cores would wait.
test: $(READY)
	@$(MAKE) --no-print-directory -j2 check pytest

# One process a core, and so one thread a process in the numerical libraries.
pytest: $(READY)
	XDG_CONFIG_HOME=$(CURDIR)/$(VENV)/config OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
		$(BIN)/pytest -n auto --dist loadgroup --no-loadscope-reorder

slow: $(READY)
	$(BIN)/pytest -m slow

bench: $(READY)
	$(BIN)/python -m benchmarks

# The comparison with lavaan needs R; without it the tables say that it was not made.
calibration: $(READY)
	$(BIN)/python -m benchmarks.calibration
	@if command -v Rscript >/dev/null; then $(BIN)/python -m benchmarks.calibration --lavaan; fi

agreement: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.agreement

# Written by uv, read by pip. The files name versions and hashes and no index.
lock: $(READY)
	$(PIP) install uv
	$(BIN)/uv pip compile --quiet --upgrade --no-header --universal --generate-hashes --python-version 3.11 requirements/build.in -o requirements/build.lock
	$(BIN)/uv pip compile --quiet --upgrade --no-header --universal --generate-hashes --python-version 3.11 -c requirements/build.lock --group dev pyproject.toml -o requirements/runtime.lock

clean:
	rm -rf $(VENV) build docs/reference/names demo-report .pytest_cache .mypy_cache .ruff_cache
