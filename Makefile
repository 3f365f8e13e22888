# Every target sets up what it needs. `make demo` and `make test` are all a newcomer has to know.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Tests start hundreds of processes: where the environment forbids it (containers do), each would compile us anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test lint bench kill browser long token kit interop setup lock clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: $(VENV)/.ready  ## create .venv from requirements.lock

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setting up $(VENV) (once, about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q connector examples
	@touch $@

demo: setup  ## run the whole chain on this machine: eight companies, one audited battery
	@$(BIN)/battery-connector demo

lint: setup  ## formatting, lint, types, the floors of the house
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

test: setup  ## everything that has to hold, in less than ten minutes
	@$(BIN)/python -m pytest -m "not browser and not long" -n 2 --dist loadfile --no-loadscope-reorder

bench: setup  ## figures of this machine, beside a floor in the same run
	@$(BIN)/python -m tests.bench

kill: setup  ## kill -9 at 20 random moments of the demo
	@$(BIN)/python -m pytest -m long tests/journeys/test_kill.py

long: setup  ## the long suites in two halves side by side: kills, deeper walks, many items
	@mkdir -p .cache; \
	$(BIN)/python -m pytest -m "long and not browser" --ignore tests/journeys --durations 10 > .cache/long.log 2>&1 & beside=$$!; \
	$(BIN)/python -m pytest -m "long and not browser" --durations 10 tests/journeys; journeys=$$?; \
	wait $$beside; others=$$?; cat .cache/long.log; exit $$((others + journeys))

browser: setup  ## pages in a real Chromium (Debian: apt-get install chromium)
	@$(BIN)/python -m pytest -m browser

token: setup  ## keys in a PKCS #11 token (Debian: apt-get install softhsm2); in `make test` where there is one
	@$(BIN)/python -m pytest tests/edges/keys tests/journeys/test_token.py

kit: setup  ## the official conformance kits of DSP and DCP, twice (needs a JDK 17+ and Maven; says so)
	@$(BIN)/python -m tests.interop kit dcp

interop: setup  ## the official conformance kits and a real Eclipse EDC (needs a JDK 17+ and Maven; says so)
	@$(BIN)/python -m tests.interop

lock:  ## renew requirements.lock from the ranges in pyproject.toml (needs uv)
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --group dev pyproject.toml -o requirements.lock

clean:  ## remove what set-up and tests made
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
