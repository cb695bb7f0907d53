# Every target says what it does: `make` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
UV_VERSION := 0.13.8
MEMBERS := libs/contracts libs/rules libs/sources libs/runtime libs/control services/ingest services/normalizer services/grouper services/query cli
TOCSIN := $(BIN)/tocsin
PYTEST := $(BIN)/python -m pytest
# Without bytecode every process of ours compiles a second's worth of source before it starts.
unexport PYTHONDONTWRITEBYTECODE
WORKERS ?= 2
# Processes that share a run of the tests; each starts the servers that its own modules ask for (tests/support/workers.py).
SPREAD := --numprocesses $(WORKERS) --no-loadscope-reorder

help: ## List what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z][a-z0-9\/-]*:.*## / {printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ set-up
setup: $(VENV)/.ready ## Create the environment (done by every target that needs it)

$(VENV)/.ready: requirements.lock $(addsuffix /pyproject.toml,$(MEMBERS)) tools/setup.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" UV_VERSION="$(UV_VERSION)" bash tools/setup.sh $(MEMBERS)
	@touch $@

lock: ## Write requirements.lock anew from the members' pyproject files
	@PYTHON="$(PYTHON)" VENV="$(VENV)" UV_VERSION="$(UV_VERSION)" bash tools/lock.sh $(MEMBERS)

nginx: setup ## Write deploy/nginx/routes.conf anew from the route table
	@$(BIN)/python tools/nginx_routes.py

##@ run
demo: setup ## Start everything, send webhooks of ten sources, show the incidents; Ctrl-C stops (ONCE=1: stop by itself)
	@$(TOCSIN) demo $(if $(ONCE),--once)

up: setup ## Start Kafka, PostgreSQL and every service; stay until Ctrl-C
	@$(TOCSIN) up

down: setup ## Stop what `up` or `demo` left running
	@$(TOCSIN) down

##@ check
check: fmt/check lint types imports ## Everything CI checks besides the tests

fmt: setup ## Format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix-only --quiet .

fmt/check: setup
	@$(BIN)/ruff format --check .

lint: setup ## Lint
	@$(BIN)/ruff check .

types: setup ## Type-check (mypy strict)
	@$(BIN)/mypy libs services cli tests bench

imports: setup ## Check who may import whom
	@$(BIN)/lint-imports

openapi: setup ## Write the gateway's part of the published OpenAPI document anew, after a change of a route or a shape
	@$(BIN)/python -m tocsin_ingest.openapi services/query/tocsin_query/gateway.json

##@ test
test: setup ## Run every test (needs only Python, make and a network the first time; WORKERS=4 for more processes than two)
	@$(PYTEST) $(SPREAD) tests --ignore=tests/peers

test/unit: setup ## Run the fast tests only: no network, a minute
	@$(PYTEST) $(SPREAD) tests/unit

test/peers: setup ## Run Tocsin behind a real nginx, with the files of deploy/nginx (needs nginx)
	@$(PYTEST) tests/peers

kill: setup ## Kill services N times under webhooks and commands (N=1000 SEED=7), count what was lost
	@$(BIN)/python -m tests.simulation.kill --kills $(or $(N),100) --seed $(or $(SEED),7)

p10: setup ## Let a heartbeat's sender meet our outages, each longer than it may stay away: nothing opens (9 minutes)
	@$(BIN)/python -m tests.simulation.absence $(if $(ONLY),--only $(ONLY))

redrive: setup ## Let N deliveries fail, mend what failed, send them again through killed gateways (N=10000)
	@$(BIN)/python -m tests.simulation.redrive --count $(or $(N),10000)

fuzz: setup ## Mutate the recorded bodies of each source: what breaks, what is slow (N=2000 SEED=7 ONLY=datadog)
	@$(BIN)/python -m tests.fuzz --runs $(or $(N),2000) --seed $(or $(SEED),7) $(if $(ONLY),--only $(ONLY))
	@TOCSIN_TEST_FUZZ=long $(PYTEST) -q tests/unit/sources/test_totality.py -k 'mutated_sample $(if $(ONLY),and $(ONLY))'

sim: setup ## Run seeded simulations of the whole pipeline in memory (SEED=7 RUNS=200)
	@$(BIN)/python -m tests.simulation.sim --seed $(or $(SEED),7) --runs $(or $(RUNS),200)

model: setup ## Hold the fold against a second, naive model in 2,000 long streams (minutes; SEED=7; `make test` tries a few)
	@TOCSIN_TEST_MODEL=long $(PYTEST) -q tests/unit/grouper/test_naive_model.py $(if $(SEED),--hypothesis-seed=$(SEED))

bench: setup ## Measure against floors taken in the same run (ONLY=gateway for one); writes bench-results.json
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

.PHONY: help setup lock demo up down check fmt fmt/check lint types imports openapi test test/unit test/peers nginx kill p10 redrive fuzz sim model bench
