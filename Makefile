# Thin: each target is a line or two of a real command.
PYTHON ?= python3.11
BIN := .venv/bin
ROOT_INSTALL = [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends

.PHONY: setup run test lint bench browser dev

setup: .venv/.installed

.venv/.installed: requirements.txt requirements-no-deps.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is missing: install it, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv || { $(ROOT_INSTALL) python3.11-venv && $(PYTHON) -m venv .venv; } || \
		{ echo "Install the package python3.11-venv, then try again."; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-no-deps.txt
	@touch $@

dev: .venv/.installed-dev

.venv/.installed-dev: .venv/.installed requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { $(ROOT_INSTALL) chromium fonts-dejavu-core; } || \
		{ echo "The browser tests need Chromium: install the package chromium."; exit 1; }

run: setup
	$(BIN)/python app.py serve

test: dev browser
	$(BIN)/python -m pytest

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: dev
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-bench.txt
	$(BIN)/python -m bench
