# Everything a developer runs. The first two are all a newcomer needs.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
INPUTS := pyproject.toml constraints.txt scripts/venv.sh

.PHONY: help up test check format lint types layers client screenshots soak fuzz bench lock clean

help:            ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' Makefile | expand -t 13

up: $(VENV)/.train     ## install what is missing and start the service on 127.0.0.1:8000
	@exec $(BIN)/python -m app.main

test: $(VENV)/.dev     ## install what is missing and run every test
	@$(BIN)/pytest

check: $(VENV)/.dev    ## format, lint, types, layers, then the tests: what must be green before a commit lands
	@$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory lint types layers test

format: $(VENV)/.dev   ## rewrite the code in the one format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: $(VENV)/.dev     ## ruff
	@$(BIN)/ruff check .

types: $(VENV)/.dev    ## mypy, strict
	@$(BIN)/mypy

layers: $(VENV)/.dev   ## the architecture as law
	@$(BIN)/lint-imports

client: $(VENV)/.dev   ## make the JavaScript client's types from the OpenAPI document
	@$(BIN)/python -m tests.clients.making

screenshots: $(VENV)/.dev   ## take the pictures of the page that the README shows
	@$(BIN)/python -m tests.browser.screenshots

soak: $(VENV)/.dev     ## a hundred kills at random moments over ten jobs; takes a quarter of an hour
	@SOAK_KILLS=100 SOAK_JOBS=10 $(BIN)/pytest tests/journeys/test_soak.py

fuzz: $(VENV)/.dev     ## thousands of odd requests, pictures and forms: no 5xx, nothing undocumented, no growth
	@FUZZING=long $(BIN)/pytest tests/fuzzing

bench: $(VENV)/.dev    ## measure training and serving side by side with their baselines
	@$(BIN)/python -m bench.train_digit
	@$(BIN)/python -m bench.serve_digit
	@$(BIN)/python -m bench.train_cifar
	@$(BIN)/python -m bench.serve_cifar
	@$(BIN)/python -m bench.train_text
	@$(BIN)/python -m bench.generate
	@$(BIN)/python -m bench.overload

lock: $(VENV)/.dev     ## resolve every dependency anew into constraints.txt
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --no-header --no-annotate --all-extras --python-version 3.11 --upgrade pyproject.toml --output-file constraints.txt

clean:           ## remove the environment and every cache
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info

$(VENV)/.train: $(INPUTS)
	@scripts/venv.sh $(VENV) train
	@touch $@

$(VENV)/.dev: $(INPUTS)
	@scripts/venv.sh $(VENV) train,otel,dev
	@touch $(VENV)/.train $@
