# Needs Python >= 3.11, make and a package index. Everything else is installed into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PEERS := benchmarks/peers
EXAMPLES := examples
# Tests at a time: more than two for each core of two, as many wait for a time limit.
WORKERS ?= 5
# Else each of the processes that tests and tools start compiles the package anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo dev examples test test-systemd lint fuzz chaos recoveries soak bench bench-peers docs lock lock-peers clean test-docker release-check quality coverage mutants

help: ## Show what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(INSTALLED) ## Install schemad and its tools into .venv

$(INSTALLED): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "schemad needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "installing into $(VENV) (about a minute, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(INSTALLED) ## See it work: an embedded PostgreSQL, a daemon, four requests
	@$(BIN)/schemad demo

dev: $(INSTALLED) ## PostgreSQL and the daemon, to try things on
	@$(BIN)/schemad dev

examples: $(INSTALLED) $(EXAMPLES)/node_modules/.installed ## Install what the examples need

# Tests run without it, and say so.
$(EXAMPLES)/node_modules/.installed: $(EXAMPLES)/package.json $(EXAMPLES)/package-lock.json
	@echo "installing pg into $(EXAMPLES)/node_modules"
	@npm ci --prefix $(EXAMPLES) --no-audit --no-fund --loglevel error && touch $@ || \
		echo "the example for Node.js is left out: it needs npm, and a package index" >&2

lint: $(INSTALLED) ## Style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint examples ## Lint, then every test; WORKERS=5 at a time, SERVERS=every for each on each PostgreSQL found
	SERVERS=$(SERVERS) $(BIN)/pytest -n $(WORKERS) --dist loadgroup

test-systemd: $(INSTALLED) ## Boot a Debian with the units and PostgreSQL in a container, as root; BASE=FILE keeps it
	@$(BIN)/python -m tests.systemd $(if $(BASE),--base $(BASE))

test-docker: $(INSTALLED) ## Build the image, run it and compose.yaml (needs a Docker engine)
	$(BIN)/python -m tests.docker

quality: coverage mutants ## What the tests hold: coverage of the package, and the mutation score of its core

coverage: $(INSTALLED) ## Every test, and which lines and branches of the package they run
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -q -n 2 --dist loadgroup
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --skip-covered

mutants: $(INSTALLED) ## Mutate the core, and see whether tests/unit notices; OPTIONS="--all" tries anew what is killed
	@$(BIN)/python -m tools.mutants $(OPTIONS)

fuzz: $(INSTALLED) ## Mutate hostile requests for SECONDS=60, from SEED=0
	SECONDS=$(or $(SECONDS),60) SEED=$(or $(SEED),0) $(BIN)/python -m tests.fuzz

chaos: $(INSTALLED) ## Daemons and requesters under faults for MINUTES=1, from SEED=0; REQUESTS=1800 by default
	@SEED=$(or $(SEED),0) MINUTES=$(or $(MINUTES),1) REQUESTS=$(REQUESTS) $(BIN)/python -m tests.chaos

recoveries: $(INSTALLED) ## How long the daemon takes to recover from one fault at a time; ROUNDS=5
	@ROUNDS=$(ROUNDS) $(BIN)/python -m tests.chaos.recoveries

soak: $(INSTALLED) ## The daemon's memory over REQUESTS=100000
	@REQUESTS=$(REQUESTS) $(BIN)/python -m tests.chaos.soak

bench: $(INSTALLED) ## How fast it is, each figure beside its floor; MEASURES="latency backlog" for some
	@$(BIN)/schemad bench $(MEASURES)

bench-peers: $(INSTALLED) $(PEERS)/node_modules/.installed $(PEERS)/.venv/.installed ## The same beside job queues; OPTIONS="--help"
	$(BIN)/python -m benchmarks.peers $(OPTIONS)

$(PEERS)/node_modules/.installed: $(PEERS)/package.json $(PEERS)/package-lock.json
	@command -v npm >/dev/null || \
		{ echo "bench-peers needs Node.js with npm, for graphile-worker and pg-boss: install Node.js 22.18 or newer" >&2; exit 1; }
	@echo "installing graphile-worker and pg-boss into $(PEERS)/node_modules"
	@npm ci --prefix $(PEERS) --no-audit --no-fund --loglevel error
	@touch $@

$(PEERS)/.venv/.installed: $(PEERS)/requirements.txt
	@echo "installing procrastinate and pgqueuer into $(PEERS)/.venv"
	@$(PYTHON) -m venv $(PEERS)/.venv
	@$(PEERS)/.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

docs: $(INSTALLED) ## Write the generated reference pages anew, and build the site into site/
	$(BIN)/python -m tools.reference
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

LOCK := uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11
BUILD_REQUIRES := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")

release-check: $(INSTALLED) ## Build the last commit, install it where there is nothing else, try it
	@$(BIN)/python -m tools.release_check

lock: ## Write the lock files anew (needs uv)
	$(LOCK) --extra test pyproject.toml -o requirements.lock
	$(LOCK) -c requirements.lock --no-annotate pyproject.toml -o requirements-run.lock
	$(PYTHON) -c '$(BUILD_REQUIRES)' | $(LOCK) -c requirements.lock --no-annotate - -o requirements-build.lock

lock-peers: ## Write the lock files of the job queues and the examples anew (needs uv and npm)
	cd $(PEERS) && uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 requirements.in -o requirements.txt
	npm install --prefix $(PEERS) --package-lock-only --no-audit --no-fund
	npm install --prefix $(EXAMPLES) --package-lock-only --no-audit --no-fund

clean: ## Remove what make installed and built
	rm -rf $(VENV) $(PEERS)/.venv $(PEERS)/node_modules $(EXAMPLES)/node_modules dist site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis mutants .coverage .coverage.*
