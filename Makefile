# Two commands: `make demo` and `make test`. `make help` lists the others.

# The first that runs makes .venv; with another one: make demo PYTHON=/path/to/python.
PYTHON ?= python3.13 python3.12 python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install -q --disable-pip-version-check
# pip's own options for the torch line alone, for example another wheel index for your CUDA.
TORCH_ARGS ?=
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
# Nobody is called: for the commands below that are not ours, as aislewatch/__init__.py is for ours.
export DO_NOT_TRACK ?= 1
export GX_ANALYTICS_ENABLED ?= false
export MLFLOW_DISABLE_TELEMETRY ?= true
export PREFECT_SERVER_ANALYTICS_ENABLED ?= false
# MLflow's server starts eight processes of 240 MB for jobs that nothing here asks for.
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION ?= false
SHOP := data/raw/synthetic
# Rooms whose tests start no pipeline and no server; the longest first, so that none is tested alone
# at the end.
QUICK := evaluate report labels segment tables frames ground score
CODE := aislewatch stages flows tests benchmarks research docs docker

.DEFAULT_GOAL := help
.PHONY: help install demo live repro flow retrain ui prefect-ui deploy tidy test quick lint format types contract unit clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@for python in $(PYTHON); do \
		if $$python -c 'import ensurepip, venv' 2>/dev/null; then \
			echo "$$($$python -V), found as $$python, makes $(VENV)"; \
			exec $$python -m venv $(VENV); \
		fi; \
	done; \
	echo "none of these runs and can make a virtual environment: $(PYTHON)"; \
	echo "install one of them, or name another: make $(MAKECMDGOALS) PYTHON=/path/to/python"; exit 1

$(BIN)/.base: pyproject.toml requirements/lock.txt requirements/torch.txt | $(BIN)/python
	$(PIP) $(TORCH_ARGS) -r requirements/torch.txt -c requirements/lock.txt
	$(PIP) -e . -c requirements/lock.txt
	@touch $@

$(BIN)/.dev: $(BIN)/.base
	$(PIP) -e ".[dev]" -c requirements/lock.txt
	@touch $@

install: $(BIN)/.base ## make .venv with the pinned packages

demo: install ## synthetic shop -> registered model, then a table of the models
	@echo "running with $$(python -V) of $(VENV)"
	@aislewatch synth $(SHOP)
	@$(MAKE) --no-print-directory repro
	@aislewatch summary

live: install ## after make demo: its shop watched live, and the desk with a login
	@aislewatch live

repro: install ## dvc repro, after checking params.yaml and the registry
	@aislewatch preflight
	@dvc repro

flow: install ## the same stages as Prefect tasks
	@python -m flows.pipeline

retrain: install ## train in a worktree if there is anything to learn from
	@python -m flows.retrain

ui: install ## MLflow on http://127.0.0.1:5000
	@python -c "from aislewatch.recording.address import check_store; check_store()"
	@mlflow ui --backend-store-uri $${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db} --port 5000

prefect-ui: install ## Prefect on http://127.0.0.1:4200
	@prefect server start

deploy: install ## bring prefect.yaml to the server at PREFECT_API_URL; again as often as you like
	@python -m flows.deploy

tidy: install ## delete old nights' branches, and the bytes of DVC's cache that nothing needs any more
	@python -m flows.tidy --nights 30

test: $(BIN)/.dev ## format, lint, types, import contract, all tests
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory --jobs 3 types contract unit

lint: $(BIN)/.dev ## ruff: format and lint
	ruff format --check $(CODE)
	ruff check $(CODE)

format: $(BIN)/.dev ## let ruff mend what it can
	ruff format $(CODE)
	ruff check --fix $(CODE)

types: $(BIN)/.dev ## mypy, strict
	mypy

contract: $(BIN)/.dev ## the layers keep apart
	lint-imports

unit: $(BIN)/.dev ## the tests alone
	pytest --durations=40

quick: $(BIN)/.dev ## the tests of the rooms that compute, in a minute and a half
	pytest $(addprefix tests/,$(QUICK)) --ignore tests/ground/test_disk.py -m "not simulation"

clean: ## remove what the pipeline made; footage, the split's memory, registry and cache stay
	rm -rf data/dataset data/labels data/fingerprints data/*.parquet $(filter-out data/assignments.csv,$(wildcard data/*.csv)) data/*.json data/scores models metrics reports/evaluate registration.json
