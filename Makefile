# The commands of every day. `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help run test check format bench lock schema

help: ## list these commands
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

run: $(READY) ## the demo: 90 synthetic days learned from, then the Dagster UI on 127.0.0.1:3000
	$(BIN)/replyloop demo

test: $(READY) ## the whole suite, on real PostgreSQL
	$(BIN)/pytest -n 2 --dist worksteal

check: $(READY) ## format, lint, types, import contracts, SQL lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint sql --processes 2

format: $(READY) ## put code and SQL into the house's form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/sqlfluff fix sql --processes 2

bench: $(READY) ## what a window and a decision cost, side by side
	$(BIN)/python -m benchmarks.windows
	$(BIN)/python -m benchmarks.decisions

schema: $(READY) ## record the present schema in sql/schema.txt
	$(BIN)/python -m replyloop_assets.warehouse.schema > sql/schema.txt.new
	mv sql/schema.txt.new sql/schema.txt

lock: ## resolve the versions anew, with hashes
	$(PYTHON) -m pip install --quiet --target .venv/lock uv
	PYTHONPATH=.venv/lock $(PYTHON) -m uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-header \
		--no-annotate --no-strip-extras --no-emit-index-url --upgrade --output-file requirements.lock

# Versions and hashes come from the lock; the project itself is linked, so that sql/ stays where it is.
$(READY): pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@
