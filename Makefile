# What can be done with this checkout. `make` alone lists it.
# Only `up`, `setup`, `test` and `clean` are needed to use it; the others are for work on it.

.DEFAULT_GOAL := help
.PHONY: help up down setup test check bench e2e-web golden lock clean clean-cache

# Set-up runs under the machine's own Python; the first line that it needs checks what the machine lacks.
SETUP = python=$$(sh toolchain/setup/prerequisites.sh) && "$$python" -B -m toolchain.setup
PYTHON = .venv/bin/python
IN_SHELL = . ./.voltaic/env.sh &&

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

up: setup ## set everything up, start the simulated cluster and deploy v100-2gpu into it
	@$(IN_SHELL) $(PYTHON) -m simulator.quickstart

down: ## stop the simulated cluster and keep the state
	@if [ -x $(PYTHON) ]; then $(IN_SHELL) $(PYTHON) -m simulator stop; else echo "nothing is set up here"; fi

setup: ## set up the Python environment and the tools alone
	@$(SETUP) all

test: setup ## set up what is missing and run every test and quality gate
	@sh scripts/test.sh

check: setup ## quality gates alone: lint, format, types, architecture, Go
	@sh scripts/check.sh

bench: setup ## measure: preview with and without the pack, plan, import, verdicts a second
	@$(IN_SHELL) $(PYTHON) -m bench

e2e-web: setup ## chat in a real browser with the real Open WebUI (2 GB in the cache, once)
	@$(IN_SHELL) $(PYTHON) -m tests.web

golden: setup ## write the golden manifests of the tests anew, from what the components now make
	@$(IN_SHELL) $(PYTHON) -m pytest tests/components --golden

lock: ## write requirements.txt anew from pyproject.toml (UPGRADE=1 takes newer versions)
	@$(SETUP) lock $(if $(UPGRADE),--upgrade)

clean: ## delete the simulated cluster, the state and everything made in this checkout
	@$(SETUP) clean

clean-cache: ## delete the built tool chain that all checkouts of this user share
	@$(SETUP) clean-cache
