# Everything below works without root and without anything but Python >= 3.10, git and make: `make demo`.

PYTHON ?= python3
# torch goes first and pinned, because the newest one brings 4 GB of CUDA libraries. To choose the CPU or a CUDA build
# from an index of your own: make install TORCH="torch==2.13.0 --index-url URL"
TORCH ?= torch==2.13.0

BIN := .venv/bin
READY := .venv/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DELETE_ON_ERROR:
.PHONY: help install demo test test-slow lint docs bench clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## make .venv and install the project with its development tools into it

$(READY): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) $(TORCH)
	$(PIP) --editable '.[dev]'
	touch $@

demo: examples/out/demo.mp4 ## make the example face speak the example sentence: examples/out/demo.mp4
	@echo $<

examples/out/demo.mp4: examples/astronaut.jpg examples/speech.flac $(wildcard lipsync_cli/assets/*) | $(READY)
	@mkdir -p $(@D)
	$(BIN)/lipsync infer examples/astronaut.jpg examples/speech.flac --output $@ --force > /dev/null

test: $(READY) ## run the tests; those that need real clips look for them in LIPSYNC_TEST_DATA (../shared/data)
	$(BIN)/python -m pytest -n 2

test-slow: $(READY) ## run the tests that take minutes
	$(BIN)/python -m pytest -n 2 -m slow

lint: $(READY) ## check format, style, types, and that docs/reference says what the command says
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python docs/make_help.py --check

docs: $(READY) ## write docs/reference/cli.md and config.md anew
	$(BIN)/python docs/make_help.py

bench: $(READY) ## measure each step against the naive way
	$(BIN)/python benchmarks/run.py

clean: ## remove what demo and the checks have made (.venv stays)
	rm -rf examples/out .pytest_cache .ruff_cache .mypy_cache
