# make run: everything up to the page. make test: the whole suite. make check: style, types, structure.
# make guards: each promise with the small fault that its test must notice (ONLY="--quick" or ONLY="--only WORD" for some).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
unexport PYTHONDONTWRITEBYTECODE  # tests start many processes, each of which would compile our code anew

.PHONY: run setup test check guards clean

run: setup
	@$(BIN)/murascope demo
	@$(BIN)/murascope serve

setup: $(VENV)/installed

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --ignore tests/e2e
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/e2e  # apart: the browser's driver keeps an event loop running

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

guards: $(VENV)/installed-dev
	$(BIN)/python -m tests.guards.run $(ONLY)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Murascope needs Python 3.11 or newer; name one with: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3 could not make a virtual environment; on Debian: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25' || echo "Going on with the pip that Python brought; an old one takes longer to find out which versions fit."

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	@echo "Installing Murascope into $(VENV); the first time this fetches PyTorch and takes minutes."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(VENV)/bin/python
	@echo "Installing Murascope and what its tests need into $(VENV)."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache
