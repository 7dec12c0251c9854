.PHONY: help install run test lint format bench

help: ## Show what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

install: ## Make .venv with everything `opentrail serve` needs
	@scripts/install serve

run: install ## Start OpenTrail with the sandbox (Ctrl-C stops it)
	@.venv/bin/opentrail serve --sandbox

test: ## Run every test
	@scripts/install test
	.venv/bin/python -m pytest -n 3 --dist worksteal

lint: ## Check style, types and who imports whom
	@scripts/install test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: ## Put the code into its usual form
	@scripts/install test
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: ## Measure, as ratios against the plain limit and against peers in the same run
	@scripts/install test
	.venv/bin/python bench/run.py
