# Everything that is done with the project, each by one word. `make` alone lists the words.
# Nothing has to be installed by hand beforehand but Python 3.11 or newer, make and git.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# A file of tests at a time to each core, for its tests share a database; in the order of the
# folders, so that the long sweeps do not come last and alone.
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder
FLASK := $(BIN)/flask --app wsgi
CATALOGUES := portal/translations
COMPILED := $(patsubst %.po,%.mo,$(wildcard $(CATALOGUES)/*/LC_MESSAGES/messages.po))
CHROMIUM_PACKAGES := chromium fonts-morisawa-bizud-gothic fonts-noto-cjk

.PHONY: help env compiled node chromium demo demo-reset test test-fast test-browser test-fuzz \
        test-worlds test-races test-kill test-lives test-once test-canaries measure-timing mutants bench lint format \
        policies catalogues freeze migration lock clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --------------------------------------------------------------------------- what the work needs

# The stamp holds what the environment was made from, so that a second run takes no time. Another
# Python or a moved clone makes it anew, a changed lock only installs what changed.
env: ## Install the locked dependencies into .venv (a second run does nothing)
	@place="$$($(PYTHON) --version) $(CURDIR)"; \
	locks="$$(cat requirements.lock requirements-dev.lock | sha256sum)"; \
	stamp="$$(cat $(VENV)/.stamp 2>/dev/null || true)"; \
	if [ "$$stamp" != "$$place $$locks" ]; then \
	  echo "Installing the locked dependencies into $(VENV) …"; \
	  if [ "$${stamp#"$$place "}" = "$$stamp" ]; then \
	    $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "The portal needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3")'; \
	    $(PYTHON) -m venv --clear $(VENV); \
	  fi; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	    --require-hashes -r requirements.lock -r requirements-dev.lock; \
	  $(BIN)/python -m pip check; \
	  echo "$$place $$locks" > $(VENV)/.stamp; \
	fi
	@$(MAKE) compiled

compiled: $(COMPILED)
	@:

$(CATALOGUES)/%.mo: $(CATALOGUES)/%.po
	@$(BIN)/pybabel --quiet compile --input-file=$< --output-file=$@

# Only the tests need Node's packages and a browser; the portal runs without either.
node:
	@if ! command -v npm >/dev/null; then \
	  echo '*** npm is missing: the accessibility tests will fail. Install Node.js 18 or newer.' >&2; \
	elif ! sha256sum package-lock.json | cmp -s - node_modules/.stamp; then \
	  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error; \
	  sha256sum package-lock.json > node_modules/.stamp; \
	fi

chromium:
	@if command -v chromium >/dev/null && fc-list 2>/dev/null | grep 'BIZ UD' >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo 'Installing Chromium and Japanese fonts for the browser tests …'; \
	  apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
	    fontconfig $(CHROMIUM_PACKAGES) >/dev/null; \
	else \
	  echo '*** Chromium or the font BIZ UD Gothic is missing: the browser tests will fail.' >&2; \
	  echo '*** As root: apt-get install $(CHROMIUM_PACKAGES)' >&2; \
	fi

# --------------------------------------------------------------------------- running

demo: env ## Serve the demo city on http://localhost:8000 (Ctrl-C stops everything)
	@PORTAL_DEMO=1 $(BIN)/python -m portal.supervise

demo-reset: env ## Throw the demo city's data away and serve it afresh
	@PORTAL_DEMO=1 $(BIN)/python -m portal.supervise --reset

# --------------------------------------------------------------------------- proving

test: env node chromium ## Run every test but the heavy proofs
	@$(PYTEST) -m 'not heavy'

test-fast: env ## Run the tests that need no browser
	@$(PYTEST) -m 'not browser and not heavy'

test-browser: env node chromium ## Run the tests in a real browser
	@$(PYTEST) -m browser

test-fuzz: env ## Draw some 200,000 requests as everybody: no answer is a failure (half an hour)
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-48000} $(BIN)/python -m pytest tests/rules/test_crawl.py

# These take hours of a small machine: CORES=1 leaves it to others, the numbers make it shorter.
test-worlds: env ## Compare 10,000 random worlds with the oracle, 500 of them over HTTP (an hour)
	@PORTAL_WORLDS=$${WORLDS:-10000} PORTAL_PAIRS=$${PAIRS:-500} \
	PORTAL_WORLDS_OVER_HTTP=$${WORLDS_OVER_HTTP:-500} \
	  $(BIN)/python -m pytest -n $${CORES:-auto} --dist load tests/rules/test_agreement.py \
	  tests/rules/test_metamorphic.py tests/rules/test_sabotage.py \
	  tests/rules/test_canaries.py::test_the_main_pages_show_what_is_visible_and_nothing_else

test-races: env ## Race 10,000 withdrawals against readers, and as many against posts (an hour)
	@PORTAL_RACES=$${RACES:-10000} $(BIN)/python -m pytest tests/rules/test_races.py

test-kill: env ## Kill web and worker 200 times while people write: nothing is lost (half an hour)
	@PORTAL_KILLS=$${KILLS:-200} $(BIN)/python -m pytest tests/rules/test_kill.py

test-lives: env ## Live 300 lives of a case through the services, against the oracle (an hour)
	@PORTAL_LIVES=$${LIVES:-300} PORTAL_STEPS=$${STEPS:-40} \
	  $(BIN)/python -m pytest tests/rules/test_lives.py

test-once: env ## Use 200 codes and links of each kind from four browsers at once (minutes)
	@PORTAL_ROUNDS=$${ROUNDS:-200} $(BIN)/python -m pytest tests/rules/test_once.py

test-canaries: env ## Open every page of 500 random worlds as everybody: no hidden word (hours)
	@WORLDS=$${WORLDS:-500} VIEWERS=$${VIEWERS:-30} $(BIN)/python -m pytest tests/rules/test_canaries.py

measure-timing: env ## Compare the times of answers that must be told apart by nothing (half an hour)
	@TIMING_PAIRS=$${PAIRS:-500} $(BIN)/python -m pytest -s -m heavy tests/rules/test_timing.py

# A run that is broken off goes on where it was; what was judged stands in instance/mutants.*.json.
mutants: env ## Change the policy in every small way that mutmut knows: somebody must notice (hours)
	@$(BIN)/python -m tests.rules.mutants --bugs
	@$(BIN)/python -m tests.rules.mutants --cores $${CORES:-2}

# django-guardian, which is measured beside the portal, lives in an environment of its own.
BENCH_VENV := .venv-bench
bench: env ## Measure lists, pages and posts at 10,000 and 100,000 cases (BENCH_FULL=1: 1,000,000)
	@lock="$$(sha256sum < tests/bench/requirements.lock)"; \
	if [ "$$(cat $(BENCH_VENV)/.stamp 2>/dev/null || true)" != "$$lock" ]; then \
	  $(PYTHON) -m venv --clear $(BENCH_VENV); \
	  $(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
	    --require-hashes -r tests/bench/requirements.lock; \
	  echo "$$lock" > $(BENCH_VENV)/.stamp; \
	fi
	@$(BIN)/python -m tests.bench --rival $(BENCH_VENV)/bin/python \
	  --cases $${CASES:-10000,100000$${BENCH_FULL:+,1000000}}

lint: env ## Check style, types and templates
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/djlint --quiet --lint templates

format: env ## Rewrite the sources in the project's style
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

policies: env ## Print who sees what, as the row-level security policies say it
	@$(FLASK) policy sql

# --------------------------------------------------------------------------- changing

catalogues: env ## Take new texts into the English catalogue and compile it
	@$(BIN)/pybabel --quiet extract --mapping-file=babel.cfg --no-location --no-wrap --omit-header \
	  --keywords='_l lazy_gettext lazy_pgettext:1c,2' --output-file=$(CATALOGUES)/messages.pot .
	@$(BIN)/pybabel --quiet update --input-file=$(CATALOGUES)/messages.pot \
	  --output-dir=$(CATALOGUES) --locale=en --no-wrap --no-fuzzy-matching --ignore-pot-creation-date
	@rm $(CATALOGUES)/messages.pot
	@$(MAKE) env

# Until a first version is in use there is one migration of our tables, written anew each time.
freeze: env ## Write the schema that the models say into migration 0001
	@$(FLASK) policy freeze 0001_ground

migration: env ## Begin a migration: make migration NAME=consents_expire
	@test -n '$(NAME)' || { echo 'Say what it does: make migration NAME=consents_expire' >&2; exit 2; }
	@number=$$(printf '%04d' $$((10#$$(cat migrations/.current-head) + 1))); \
	$(BIN)/alembic revision --rev-id "$$number" -m '$(NAME)'; \
	touch "migrations/versions/$${number}_$(NAME)".{up,down}.sql; \
	echo "$$number" > migrations/.current-head

lock: env ## Resolve requirements*.in anew into the lock files
	@tool=$$(mktemp -d); trap 'rm -rf "$$tool"' EXIT; \
	$(PYTHON) -m venv "$$tool"; "$$tool/bin/pip" install --quiet --disable-pip-version-check uv; \
	for name in requirements requirements-dev tests/bench/requirements; do \
	  "$$tool/bin/uv" pip compile --quiet --upgrade --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-annotate --no-header \
	    "$$name.in" --output-file "$$name.lock" >/dev/null; \
	done

clean: ## Remove what can be made again (never the data in instance/)
	@rm -rf $(VENV) $(BENCH_VENV) node_modules mutants .coverage htmlcov .hypothesis .mypy_cache .pytest_cache \
	  .ruff_cache .import_linter_cache test-results $(COMPILED)
	@find . -name __pycache__ -not -path './instance/*' -type d -prune -exec rm -rf {} +
