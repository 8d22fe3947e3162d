# Everything a developer runs. The first two are all a newcomer needs.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
INPUTS := pyproject.toml $(wildcard requirements/*.txt) scripts/venv.sh
SERVICE := pypi
TESTS := test
WORKERS := 2
LONG := journeys browser cluster containers
PYTEST = $(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile -m "not alone"
PYTEST_ALONE = $(BIN)/pytest -m alone

.PHONY: help up test test-all check format lint types layers architecture client screenshots soak fuzz bench lock upgrade audit sbom clean

help:            ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 13

up: $(VENV)/.train     ## install what is missing and start the service on 127.0.0.1:8000
	@exec $(BIN)/python -m app.main

test: $(VENV)/.dev     ## install what is missing and run the tests, but for journeys, browsers, clusters and containers
	@$(PYTEST) $(LONG:%=--ignore=tests/%)
	@$(PYTEST_ALONE) $(LONG:%=--ignore=tests/%)

test-all: test   ## every test: also those that train for real, drive a browser or start a cluster, one after the other
	@$(BIN)/pytest $(LONG:%=tests/%)

check: $(VENV)/.dev    ## format, lint, types, layers, tests: what must be green before a commit; TESTS=test-all for every test
	@$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory lint types layers $(TESTS)

format: $(VENV)/.dev   ## rewrite the code in the one format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: $(VENV)/.dev     ## ruff
	@$(BIN)/ruff check .

types: $(VENV)/.dev    ## mypy, strict
	@$(BIN)/mypy

layers: $(VENV)/.dev   ## the architecture as law
	@$(BIN)/lint-imports

architecture: $(VENV)/.dev   ## draw the import graph and list what a prediction and a training pass, for docs/architecture.md
	@$(BIN)/python -m tests.architecture.making

client: $(VENV)/.dev   ## make the JavaScript client's types from the OpenAPI document
	@$(BIN)/python -m tests.clients.generated_client

screenshots: $(VENV)/.dev   ## take the pictures of the page that the README shows
	@$(BIN)/python -m tests.browser.screenshots

soak: $(VENV)/.dev     ## a hundred kills at random moments over ten jobs; takes a quarter of an hour
	@SOAK_KILLS=100 SOAK_JOBS=10 $(BIN)/pytest tests/journeys/test_soak.py

fuzz: $(VENV)/.dev     ## thousands of odd and hostile requests, heads, bodies and files: no 5xx, nothing undocumented, no growth
	@FUZZING=long $(BIN)/pytest tests/fuzzing tests/hostile

bench: $(VENV)/.dev    ## measure training and serving side by side with their baselines
	@$(BIN)/python -m bench.train_digit
	@$(BIN)/python -m bench.serve_digit
	@$(BIN)/python -m bench.train_cifar
	@$(BIN)/python -m bench.serve_cifar
	@$(BIN)/python -m bench.train_text
	@$(BIN)/python -m bench.generate
	@$(BIN)/python -m bench.overload

lock: $(VENV)/.dev     ## pin what is new in pyproject.toml, and write the hashes of all pins into requirements/
	@$(BIN)/python -m pip install --quiet uv
	@PATH=$(BIN):$$PATH $(BIN)/python scripts/lock.py $(LOCK)

upgrade:         ## pin the newest version of everything
	@$(MAKE) --no-print-directory lock LOCK=--upgrade

audit: $(VENV)/.audit  ## look for known vulnerabilities in what is pinned; SERVICE=osv asks OSV in place of PyPI
	@$(VENV)/audit/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off --vulnerability-service $(SERVICE) \
	  $(patsubst %,--requirement %,$(wildcard requirements/*.txt))

sbom: $(VENV)/.train $(VENV)/.audit  ## write sbom.json, a CycloneDX bill of what is installed
	@$(VENV)/audit/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-file sbom.json $(BIN)/python

clean:           ## remove the environment and every cache
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info

$(VENV)/.train: $(INPUTS)
	@scripts/venv.sh $(VENV) train
	@touch $@

$(VENV)/.audit: $(VENV)/.train
	@$(BIN)/python -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes --requirement requirements/audit.txt --requirement requirements/serve.txt
	@touch $@

$(VENV)/.dev: $(INPUTS)
	@scripts/venv.sh $(VENV) train,otel,dev
	@touch $(VENV)/.train $@
