# `make demo` and `make test` need only make and Python 3.11 or newer with its venv module.
# Everything is installed in .venv, and again only when setup.cfg or pyproject.toml change.
# PYTHON=/path/to/python3.12 picks the Python that .venv is made with.

PYTHON ?=
DEMO ?= train mnist_subset --epochs 12 --seed 0 --save demo
BENCH ?= $(filter-out %/side_by_side.py,$(wildcard benchmarks/*.py))
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test check crosscheck bench clean

# Set `python` to the first candidate that will do, or say in one line what to install.
define find_python
for candidate in $(if $(PYTHON),"$(PYTHON)",$(PYTHONS)); do \
	version=$$("$$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
	if ! "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then old=$$version; \
	elif ! "$$candidate" -c 'import ensurepip, venv' 2>/dev/null; then bare=$$version; \
	else python=$$candidate; break; fi; \
done; \
if [ -z "$$python" ]; then \
	if [ -n "$$bare" ]; then echo "Python $$bare lacks its venv module. Install it: sudo apt install python3-venv (or python$$bare-venv)"; \
	elif [ -n "$$old" ]; then echo "minicnn needs Python 3.11 or newer, found $$old. Install a newer one with its venv module, or name it: make PYTHON=/path/to/python3.12"; \
	else echo "minicnn needs Python 3.11 or newer, found none$(if $(PYTHON), at $(PYTHON)). Install it: sudo apt install python3 python3-venv"; fi >&2; \
	exit 1; \
fi
endef

# $(call install,EXTRA): .venv works and holds minicnn with that extra, as setup.cfg has it now.
# `incomplete` is in .venv while it is being changed: if it is still there, somebody was interrupted
# and .venv is made anew. A stamp holds the folder it was made in, since a moved .venv points back.
define install
@set -e; python=; bare=; old=; stamp=$(VENV)/installed-$(or $(1),core); \
if [ -e $(VENV)/incomplete ] || \
	! $(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	$(find_python); \
	echo "making $(VENV) with $$python"; \
	rm -rf $(VENV); mkdir $(VENV); : >$(VENV)/incomplete; \
	"$$python" -m venv $(VENV); \
	rm $(VENV)/incomplete; \
fi; \
if [ setup.cfg -nt $$stamp ] || [ pyproject.toml -nt $$stamp ] || [ "$$(cat $$stamp 2>/dev/null)" != "$$PWD" ]; then \
	echo "installing minicnn$(if $(1), and what \"make $@\" needs) in $(VENV) ..."; \
	: >$(VENV)/incomplete; \
	if $(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.$(if $(1),[$(1)])'; \
	then echo "$$PWD" >$$stamp; rm $(VENV)/incomplete; \
	else rm $(VENV)/incomplete; echo "The installation failed, for the reason above; run make again." >&2; exit 1; fi; \
fi
endef

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

# One thread for the matrix products: with two, OpenBLAS waits for a thread that another program has pushed
# off its core, and on a busy machine an epoch takes ten times as long (idle, it gains a third).
demo test: export OPENBLAS_NUM_THREADS ?= 1

demo: ## train a small network on real digits and write the results to demo/
	$(call install)
	@$(BIN)/minicnn $(DEMO)

test: ## run the tests
	$(call install,test)
	@$(BIN)/python -m pytest -q

check: ## lint, format and types
	$(call install,dev)
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy

crosscheck: ## compare with the real Keras, on JAX; nothing may be skipped
	$(call install,test)
	$(call install,crosscheck)
	@KERAS_BACKEND=jax MINICNN_REQUIRE_CROSSCHECK=1 $(BIN)/python -m pytest -q -m crosscheck

bench: ## run the scripts in benchmarks/, which compare speed with Keras
	$(call install,bench)
	@set -e; for script in $(BENCH); do $(BIN)/python "$$script"; done

clean: ## remove .venv and everything else that was made here
	@rm -rf $(VENV) demo minicnn-run build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
