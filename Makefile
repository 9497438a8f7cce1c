# The whole paper:   make book                      (the demo corpus, profile quick)
#                    make book PROFILE=paper CORPUS=../real-corpus
#                    make book CLUSTER=profiles/slurm
# Everything tested: make test; make test-papermill, without the graph; make test-wheel, installed
# elsewhere; make test-site, in a browser
# Both set up .venv by themselves from requirements.lock; they need Python 3.11+ and make.

PROFILE ?= quick
CORPUS  ?=
DATASETS ?=
CORES   ?= 2
DEVICE  ?= cpu
CLUSTER ?=
PYTHON  ?= python3
RESULTS ?= results/quick
VENV    := .venv
BIN     := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export JUPYTER_PREFER_ENV_PATH := 1
export PYTHONHASHSEED := 0
export CHROMIUM

.PHONY: book test test-papermill test-wheel test-site test-cluster bench wild lint sync lab hooks lock clean

book: $(VENV)/ready
	$(BIN)/metanet book --profile $(PROFILE) --cores $(CORES) --device $(DEVICE) \
		$(if $(CLUSTER),--cluster $(CLUSTER)) \
		$(if $(CORPUS),--corpus $(CORPUS)) $(if $(DATASETS),--datasets $(DATASETS))

# On so many cores side by side; the tests of a file stay together, for they share what they make.
test: $(VENV)/ready lint
	$(BIN)/pytest --numprocesses $(CORES) --dist loadfile --no-loadscope-reorder --durations=10

# The other way to the book: bare papermill, one chapter after the other; the tables are the same.
test-papermill: $(VENV)/ready
	$(BIN)/pytest -m papermill --numprocesses 1 tests/publish/test_papermill.py

# The library as others install it: a wheel, in an empty environment.
test-wheel: $(VENV)/ready
	$(BIN)/pytest -m wheel tests/test_wheel.py

# The built site as a browser shows it. Where there is no site, the tiny book is made; where there is
# no Chromium, one is installed (Debian's, as root; else Playwright's own).
test-site: $(VENV)/ready
	test -f _build/html/index.html || $(MAKE) book PROFILE=tiny
	$(BIN)/python tests/support/browsing.py
	$(BIN)/pytest -m browser tests/publish/test_browser.py

# The tiny book on a two-node Slurm of its own on this machine, while jobs and a node fail. Needs
# root and Debian or Ubuntu: it installs Slurm.
test-cluster: $(VENV)/ready
	$(BIN)/python tests/support/cluster.py

# How fast patches are made, and models and the meta level trained: results/bench/*.csv
bench: $(VENV)/ready
	$(BIN)/python benchmarks/load.py
	$(BIN)/python benchmarks/zoo.py
	$(BIN)/python benchmarks/metanetwork.py

# Networks from public packages, read anew, and what the zoos of some runs say of them: wild/recorded.*
# Fetches 460 MB and takes about half an hour; the first of RESULTS is the one that counts.
wild: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock \
		--no-build-isolation --editable '.[wild]'
	$(BIN)/python -m metanet_lib.experiments.wild $(RESULTS)

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Bring the pairs .py + .ipynb together, and say which side won; where both were edited, it refuses.
sync: $(VENV)/ready
	$(BIN)/metanet sync

# Edit the chapters in JupyterLab, at http://localhost:8888; a pair is saved on both sides.
lab: $(VENV)/lab
	$(BIN)/jupyter lab --config=.jupyter_lab.py

$(VENV)/lab: $(VENV)/ready requirements-lab.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-lab.lock
	touch $@

# From now on, git refuses a commit with a pair out of step.
hooks:
	git config core.hooksPath .githooks

# Renew the lock, and environment.yml after it, from the newest versions pyproject.toml admits.
lock:
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --editable '.[dev]'
	.venv-lock/bin/python tests/support/environment.py
	.venv-lock/bin/python -m pip install --quiet --constraint requirements.lock --editable '.[lab]'
	.venv-lock/bin/python tests/support/environment.py lab
	rm -rf .venv-lock

$(VENV)/ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; make PYTHON=python3.11 names it")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@echo "compiling loops, here and not in each of the first steps"
	$(BIN)/python -m metanet_lib.compile_ahead
	touch $@

clean:
	rm -rf _build results data .snakemake
