# Everything below works without root and without anything but Python >= 3.10, git and make: `make demo`.

PYTHON ?= python3
# torch goes first and pinned, because the newest one brings 4 GB of CUDA libraries. docs/guide/install.md says how to
# choose the CPU or a CUDA build by TORCH.
TORCH ?= torch==2.13.0

BIN := .venv/bin
READY := .venv/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DELETE_ON_ERROR:
.PHONY: help install demo test test-slow test-browser lint docs bench clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## make .venv and install the project with its development tools into it

$(READY): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo 'installing torch and the rest into .venv: over 1 GB, some minutes'
	$(PIP) $(TORCH)
	$(PIP) --editable '.[dev]'
	touch $@

OUT := examples/out
CLIPS := examples/clips
WORDS := $(CLIPS)/s1/swwv8p.mp4
WEIGHTS := $(wildcard lipsync_cli/assets/*)

demo: $(OUT)/demo.mp4 $(OUT)/photo.mp4 ## make a video and a photo speak: demo.mp4, demo.png, photo.mp4 in examples/out
	@printf '%s\n' $(OUT)/demo.mp4 $(OUT)/demo.png $(OUT)/photo.mp4

# Two speakers say the words of another video of the first. The weights were trained on him, on her never.
$(OUT)/demo.mp4: $(OUT)/words_s1.mp4 $(OUT)/words_s22.mp4 $(WORDS) examples/side_by_side.py
	$(BIN)/python examples/side_by_side.py $@ \
	  --row $(CLIPS)/s1/swwi8n.mp4 $(OUT)/words_s1.mp4 $(WORDS) \
	  --texts "before" "lipsync" "the real video of these words" \
	  --row $(CLIPS)/s22/lbbc2a.mpg $(OUT)/words_s22.mp4 $(WORDS) \
	  --texts "before" "lipsync, a speaker never seen in training" "the real video of these words" > /dev/null

$(OUT)/words_s1.mp4: $(CLIPS)/s1/swwi8n.mp4 $(WORDS) $(WEIGHTS) | $(READY)
	@mkdir -p $(@D)
	$(BIN)/lipsync infer $< $(WORDS) --output $@ --force > /dev/null

$(OUT)/words_s22.mp4: $(CLIPS)/s22/lbbc2a.mpg $(WORDS) $(WEIGHTS) | $(READY)
	@mkdir -p $(@D)
	$(BIN)/lipsync infer $< $(WORDS) --output $@ --force > /dev/null

$(OUT)/photo.mp4: examples/astronaut.jpg examples/speech.flac $(WEIGHTS) | $(READY)
	@mkdir -p $(@D)
	$(BIN)/lipsync infer $< examples/speech.flac --output $@ --force > /dev/null

# The tests start the program many times, which would compile it anew each time if what is compiled were not kept.
unexport PYTHONDONTWRITEBYTECODE

test: $(READY) ## run the tests; those that need real clips look for them in LIPSYNC_TEST_DATA (../shared/data)
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: $(READY) ## run the tests that take minutes
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

# The browser (200 MB when unpacked) and ONNX Runtime for it go into a folder of their own; needs node >= 20 and npm.
BROWSER := .browser

test-browser: $(BROWSER)/.ready ## run the tests in a real browser, which is fetched once by npm
	LIPSYNC_BROWSER=$(abspath $(BROWSER)) $(BIN)/python -m pytest -rP tests/browser

$(BROWSER)/.ready: tests/browser/package.json tests/browser/package-lock.json | $(READY)
	mkdir -p $(BROWSER)
	cp tests/browser/package.json tests/browser/package-lock.json $(BROWSER)
	cd $(BROWSER) && npm ci --ignore-scripts --no-audit --no-fund
	$(PIP) --editable '.[dev,onnx]'
	touch $@

lint: $(READY) ## check format, style, types, and that docs/reference says what the command says
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python docs/make_help.py --check

docs: $(READY) ## write docs/reference/cli.md and config.md anew
	$(BIN)/python docs/make_help.py

bench: $(READY) ## measure each step against the naive way
	$(BIN)/python benchmarks/run.py

clean: ## remove what demo and the checks have made (.venv and .browser stay)
	rm -rf examples/out .pytest_cache .ruff_cache .mypy_cache
