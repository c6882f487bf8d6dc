# Everything a contributor types. Needs make and Python 3.11, 3.12 or 3.13; all else lands in $(VENV).
PYTHON ?= python3
VENV ?= .venv
UV ?= uv
# Half of the tests wait for processes most of the time: two workers for each core.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')
ARGS ?=
MINUTES ?= 10

BIN := $(VENV)/bin
RUN := $(VENV)/run.stamp
DEV := $(VENV)/dev.stamp
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCK := $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo demo-tryton test check format docs bench kill-test torture image-check lock clean

help:  ## list these targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

demo: $(RUN)  ## see orders travel from a sandbox into a folder, on this machine
	@$(BIN)/consentio-sync demo $(ARGS)

demo-tryton: $(DEV)  ## see orders travel into a real Tryton, which is installed for it, in about two minutes
	@$(BIN)/python -m examples.demo_tryton

test: $(DEV)  ## run every test; ARGS="-k cursor" chooses some
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal $(ARGS)

check: $(DEV)  ## lint, format, types and the plan of the house
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(DEV)  ## mend what the linter and the formatter can mend
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format

docs: $(DEV)  ## write the tables of the README that are made from the code
	@$(BIN)/python docs/generate.py

bench: $(DEV)  ## measure time and memory beside a bare loop; ARGS=--quick to see that it runs
	@$(BIN)/python -m benchmarks.run $(ARGS)

kill-test: $(DEV)  ## kill the daemon thirty times amid 2,000 orders, on each database, and count what arrived
	@$(BIN)/python -m benchmarks.kill_test $(ARGS)

torture: $(DEV)  ## search for schedules that break the promise, and for input that breaks a reader; MINUTES=480 goes on longer
	@$(BIN)/python -m benchmarks.torture --minutes $(MINUTES) $(ARGS)

image-check:  ## build the image, and let the compose stack lose its database and its daemon; needs Docker with compose
	@deploy/containers/check.sh

lock:  ## pin what pyproject.toml asks for; ARGS=--upgrade takes the newest
	@command -v $(UV) >/dev/null || { echo "make lock needs uv (pip install uv), or say where it is: make lock UV=..."; exit 1; }
	@$(LOCK) $(ARGS) --group build --output-file requirements/build.txt >/dev/null
	@$(LOCK) $(ARGS) pyproject.toml --output-file requirements/run.txt >/dev/null
	@$(LOCK) $(ARGS) pyproject.toml --group dev --output-file requirements/dev.txt >/dev/null
	@$(LOCK) $(ARGS) --group tryton --output-file requirements/tryton.txt >/dev/null
	@$(LOCK) $(ARGS) --group tryton-next --output-file requirements/tryton-8.2.txt >/dev/null

clean:  ## remove everything that was made here
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# What the tests need includes what the daemon needs.
$(DEV): pyproject.toml requirements/dev.txt
	$(call install,-r requirements/dev.txt)
	@touch $(RUN) $(DEV)

$(RUN): pyproject.toml requirements/run.txt requirements/build.txt
	$(call install,-r requirements/run.txt -r requirements/build.txt)
	@touch $(RUN)

WHICH_PYTHON = import sys; v = sys.version_info; (3, 11) <= v < (3, 14) or \
	sys.exit(f"Python 3.11, 3.12 or 3.13 is needed, and $(PYTHON) is {v[0]}.{v[1]}: name another with PYTHON=python3.12")

# An environment that is there and works is kept, so that a running daemon or test is not torn apart.
define install
@$(PYTHON) -c '$(WHICH_PYTHON)'
@echo "Installing into $(VENV) ..."
@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
@$(PIP) install --require-hashes $(1)
@$(PIP) install --no-deps --no-build-isolation --editable .
endef
