# Two commands on a fresh machine: `make demo` and `make test`. Both set up what they need first.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
LOCK := requirements.lock
DEV_LOCK := requirements-dev.lock
DISTRIBUTED_LOCK := requirements-distributed.lock
DOCS_LOCK := requirements-docs.lock
CLIENT := clients/python/pyproject.toml
TYPESCRIPT := clients/typescript
NPM_STAMP := $(TYPESCRIPT)/node_modules/.installed
CONSOLE := clients/console
CONSOLE_STAMP := $(CONSOLE)/node_modules/.installed
ASSETS := services/counterfoil/console/static/vendor/assets.json
COMPILE = $(BIN)/uv pip compile --quiet pyproject.toml --extra build --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --no-emit-package counterfoil-client --custom-compile-command "make lock"
# The first interpreter on the path that is new enough; `make PYTHON=/path/to/python3 setup` overrides it.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
# Everything a lock lists, each file checked against its hash, then the project itself: its client and the rest.
define install
	$(BIN)/python -m pip install --quiet --require-hashes --requirement $(1)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable clients/python --editable .
	@touch $@
endef
# npm in a folder: $(NPM) FOLDER ci
NPM := $(BIN)/python clients/npm.py
# Passed on to the command: make demo ARGS="--seed 7"
ARGS ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_REQUIRE_VIRTUALENV := 1

.DEFAULT_GOAL := help
.PHONY: help setup setup-all console-assets demo demo-distributed test versions check bench bench-distributed up schemas docs screenshots wheels lock clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s  %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## create .venv and install what the main job needs, locked, and the project

setup-all: $(DEV_STAMP) $(ASSETS) ## the same, with what Kafka, PostgreSQL and the tests need

console-assets: $(ASSETS) ## make what the console's pages load of others: the wheel contains it

$(STAMP): $(LOCK) pyproject.toml $(CLIENT) | $(BIN)/pip
	$(call install,$(LOCK))

$(DEV_STAMP): $(DEV_LOCK) pyproject.toml $(CLIENT) | $(BIN)/pip
	$(call install,$(DEV_LOCK))
	@touch $(STAMP)

$(NPM_STAMP) $(CONSOLE_STAMP): %/node_modules/.installed: %/package-lock.json | $(STAMP)
	$(NPM) $* ci --silent
	@touch $@

$(ASSETS): $(CONSOLE)/build.mjs $(TYPESCRIPT)/generate.mjs schemas/asyncapi.json schemas/openapi.json \
		$(wildcard $(TYPESCRIPT)/src/*.ts) $(CONSOLE_STAMP) $(NPM_STAMP)
	$(NPM) $(TYPESCRIPT) run --silent generate
	$(NPM) $(CONSOLE) run --silent build

$(BIN)/pip:
	@if [ -z "$(PYTHON)" ] || ! "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		echo "counterfoil needs Python 3.11 or newer, and found none (tried: $(or $(PYTHON),python3.11 python3 python3.12 python3.13 python3.14))." >&2; \
		echo "Install it, or name it: make PYTHON=/path/to/python3 setup" >&2; exit 1; fi
	@if ! "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$(PYTHON) cannot create virtual environments: its venv module is missing." >&2; \
		echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; fi
	"$(PYTHON)" -m venv --clear $(VENV)

demo: setup $(ASSETS) ## run the whole market on the bundled sample, then audit it (ARGS="--seed 7")
	$(BIN)/counterfoil demo $(ARGS)

demo-distributed: $(DEV_STAMP) ## the same on Kafka and PostgreSQL, every service a process (ARGS="--kafka ... --database ...")
	$(BIN)/counterfoil demo --distributed --home var/demo-distributed $(ARGS)

test: check docs ## the static checks, then every test but the drills
	$(BIN)/pytest -n 3 --dist loadgroup --no-loadscope-reorder $(ARGS)

versions: $(DEV_STAMP) ## play the demo under every supported Python that is found here: the same entries, byte for byte
	$(BIN)/python -m tests.versions

drills: $(DEV_STAMP) ## the longer drills, which `make test` leaves out: about twenty minutes
	$(BIN)/pytest -m drill $(ARGS)

check: $(DEV_STAMP) $(ASSETS) ## the static checks alone: style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(NPM) $(CONSOLE) run --silent check

bench: setup ## measure this revision; with BASE=REV both that one and this, in turn, and print the ratios
	$(if $(BASE),$(BIN)/python -m tests.benchmarks.compare $(BASE),$(BIN)/counterfoil bench) $(ARGS)

bench-distributed: $(DEV_STAMP) ## the same for the services on Kafka and PostgreSQL
	$(BIN)/counterfoil bench --part distributed $(ARGS)

up: setup $(ASSETS) ## serve everything in one process until interrupted
	$(BIN)/counterfoil up $(ARGS)

schemas: $(DEV_STAMP) ## write schemas/, and what the command line knows of the views, anew from the code
	$(BIN)/counterfoil schemas $(ARGS)
	$(BIN)/python -m tests.cli.make_views

docs: $(DEV_STAMP) ## build the documentation site, which the gateway then serves at /docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

screenshots: $(DEV_STAMP) $(ASSETS) ## take the console's pictures for README and documentation anew, of the demo
	COUNTERFOIL_WRITE_SCREENSHOTS=1 $(BIN)/pytest -q -n0 -m drill tests/browser/test_screenshots.py

wheels: docs $(ASSETS) ## build both wheels into dist/, the documentation in them
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist ./clients/python .

lock: $(DEV_STAMP) ## resolve pyproject.toml anew into requirements.lock
	$(COMPILE) --extra bench --extra cluster --extra distributed --extra parquet --extra solver --extra docs --extra dev --output-file $(DEV_LOCK)
	$(COMPILE) --constraint $(DEV_LOCK) --extra bench --output-file $(LOCK)
	$(COMPILE) --constraint $(DEV_LOCK) --extra distributed --output-file $(DISTRIBUTED_LOCK)
	$(COMPILE) --constraint $(DEV_LOCK) --extra distributed --extra docs --output-file $(DOCS_LOCK)

clean: ## remove caches and build artefacts; .venv and var/ stay
	rm -rf build dist services/counterfoil/site $(TYPESCRIPT)/build $(TYPESCRIPT)/dist $(TYPESCRIPT)/src/generated $(dir $(ASSETS)) .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find services tests -name __pycache__ -type d -prune -exec rm -rf {} +
