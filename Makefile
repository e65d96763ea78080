# One command surface. `make` alone lists the verbs.
PYTHON ?= python3
# Tests wait for real rings more than they compute: four workers pay even on two cores. 0 is none, for a debugger.
WORKERS ?= 4
PYTEST_ARGS ?=
BENCH_ARGS ?=
SEEDS ?= 1-2000

VENV := .venv/bin
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/.tools/bin:$(PATH):/usr/local/sbin:/usr/sbin:/sbin

.PHONY: help setup demo test sim lint bench
.DEFAULT_GOAL := help

help: ## list these verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install everything: .venv from pinned versions, serf, sshd and plugins from the distribution
	@$(PYTHON) inspector_lab/bootstrap.py

demo: setup ## break a practice fleet of 20 nodes on a real ring, sweep it, explain what is wrong (30 s)
	@$(VENV)/python -m inspector_lab.demo

test: setup ## run the whole test suite
	@$(VENV)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

sim: setup ## simulate thousands of sweeps and watches with faults of all kinds, each held against the oracles (minutes)
	$(VENV)/inspector-lab simulate --nodes 40 --loss 0.05 --faults --seeds $(SEEDS)
	$(VENV)/inspector-lab simulate --nodes 60 --rings 3 --loss 0.2 --faults --seeds $(SEEDS)
	$(VENV)/inspector-lab simulate --nodes 300 --loss 0.1 --faults --seeds 1-100
	$(VENV)/inspector-lab simulate --liveness --nodes 100 --scenario all --seeds 1-5
	$(VENV)/inspector-lab simulate --liveness --nodes 100 --faults --seeds $(SEEDS)
	$(VENV)/inspector-lab simulate --liveness --nodes 300 --loss 0.1 --faults --seeds 1-200
	$(VENV)/inspector-lab simulate --liveness --nodes 10000 --scenario all
	$(VENV)/inspector-lab simulate --liveness --nodes 10000 --faults --seeds 1-20

lint: setup ## ruff, its formatter, and mypy --strict
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy

bench: setup ## measure every budget of the design and write docs/benchmarks.md
	@$(VENV)/python -m bench $(BENCH_ARGS)
