# Every target that needs Python makes .venv first, from uv.lock: with uv where it is installed, else with pip.

PYTHON ?= python3
bin := .venv/bin
ready := .venv/.ready

unexport VIRTUAL_ENV UV_PROJECT_ENVIRONMENT PYTHONHOME PYTHONPATH
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test lint test-long test-browser format bench bench-postgres soak lock clean

help:  ## say what the targets do (this)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

demo: $(ready)  ## the whole story against simulated vendors; nothing to set up, nothing leaves this machine
	@$(bin)/customer-sync demo

test: lint  ## what every change must pass: lint, types, import contracts and the tests, less the long ones
	$(bin)/pytest -n 2 --dist loadfile -m "not long and not browser" --ignore tests/proof
	$(bin)/pytest -m "not long" tests/proof  # these look at the clock, and fill two cores by themselves

lint: $(ready)  ## the part of `test` that runs nothing
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/lint-imports --no-logo

test-long: $(ready)  ## the tests that take minutes
	$(bin)/pytest -m long || [ $$? = 5 ]  # 5: there are none

test-browser: $(ready)  ## the dashboard in a headless Chromium; skipped, and said so, where there is none
	$(bin)/pytest -m browser -rs tests/journey/test_browser.py

format: $(ready)  ## format the code and mend what ruff can
	$(bin)/ruff check --fix
	$(bin)/ruff format

bench: $(ready)  ## customers per second, and where the time goes
	$(bin)/python tests/benchmarks/run.py

bench-postgres: $(ready)  ## PostgreSQL as a source against a bare scan; TEST_POSTGRES_URL names the server
	$(bin)/python -m tests.benchmarks.postgres

soak: $(ready)  ## the service for five minutes, with customers that keep changing: nothing may grow
	$(bin)/python -m tests.benchmarks.soak

lock:  ## bring uv.lock up to date with pyproject.toml (needs uv)
	uv lock --no-config --default-index https://pypi.org/simple

clean:  ## remove .venv, caches and built files; state and reports stay
	rm -rf .venv dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find sync tests -name __pycache__ -prune -exec rm -rf {} +

# uv goes to the addresses in uv.lock. pip goes to the index that this machine is set up for, with the same versions and hashes.
with_uv = UV_PROJECT_ENVIRONMENT=.venv uv sync --frozen --quiet

define with_pip
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")' && \
$(PYTHON) -m venv --clear .venv && \
$(bin)/pip install -qq uv && \
$(bin)/uv export --no-config --frozen --quiet --no-emit-project --output-file .venv/locked.txt && \
$(bin)/pip install -qq --require-hashes --requirement .venv/locked.txt && \
$(bin)/pip install -qq --no-deps --editable .
endef

$(ready): pyproject.toml uv.lock
	@echo "Setting up .venv from uv.lock; this is done once ..."
	@if command -v uv >/dev/null && $(with_uv); then :; else \
	  $(with_pip); fi
	@touch $@
