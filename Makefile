# `make demo` draws a pose, `make test` runs the tests; both set everything up first.
#   make demo IMAGE=photo.jpg    a photo of yours
#   make setup PYTHON=python3.12 with a Python of your choice (3.10 or newer)

VENV ?= .venv
PYTHON ?=
RUN = $(VENV)/bin/python
export VENV PYTHON

.PHONY: help setup setup-dev demo test test-quick lint bench docs notebook lock clean

help:
	@sed -n 's/^# //p' Makefile | head -3
	@echo 'Targets: setup demo test test-quick lint bench docs notebook lock clean'

setup: $(VENV)/.installed
setup-dev: $(VENV)/.installed-dev

# A stamp names what was installed: without a change to these files, set-up touches nothing and needs no network.
$(VENV)/.installed: pyproject.toml constraints.txt tools/setup.sh
	@sh tools/setup.sh train,video chainer
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@sh tools/setup.sh dev
	@touch $@

demo: setup
	$(RUN) demo.py $(if $(IMAGE),--image "$(IMAGE)")

test: setup-dev
	$(RUN) -m pytest

# What takes long stays out: for the loop while editing.
test-quick: setup-dev
	$(RUN) -m pytest -m "not slow and not mpi and not browser"

docs: setup
	@$(VENV)/bin/python -m pip install --quiet -c constraints.txt -e ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build --strict

notebook: setup
	@$(VENV)/bin/python -m pip install --quiet -c constraints.txt -e ".[notebook]"
	$(VENV)/bin/jupyter lab notebooks

lint: setup-dev
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports

# PyTorch is compared with where it is installed: .venv/bin/pip install torch
bench: setup
	$(RUN) -m benchmarks

# The same versions with the checksums of their files, for every system and Python; after a change to constraints.txt.
COMPILE = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.10 --constraints constraints.txt \
	--generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' --upgrade
lock: setup
	@$(VENV)/bin/python -m pip install --quiet uv
	$(COMPILE) --extra train --extra video --extra webcam --output-file requirements.lock pyproject.toml
	printf 'chainer\nchainercv\n' | $(COMPILE) --no-deps --output-file requirements-chainer.lock -

clean:
	rm -rf $(VENV)
