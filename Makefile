# One way to run everything. The first run of any target sets up .venv; llama.cpp is compiled once (see README.md).

PYTHON ?= python3
BIN := .venv/bin
CONFIG ?= cpu.yaml
# llama.cpp without what an in-process engine never uses: less to compile.
export CMAKE_ARGS ?= -DLLAVA_BUILD=OFF -DLLAMA_CURL=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF \
	-DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TESTS=OFF

.PHONY: serve test lint format bench weights pins clean

serve: weights
	$(BIN)/voiceagent serve --config $(CONFIG)

weights: .venv/ready
	$(BIN)/voiceagent weights pull

test: .venv/ready-dev weights
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

lint: .venv/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/ready-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/ready-dev weights
	$(BIN)/python -m benchmarks.voice_to_voice --json benchmarks/results/voice_to_voice.json

pins: .venv/ready-dev
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --upgrade --quiet --no-header --no-annotate \
		--no-emit-index-url --output-file constraints.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/uv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "voiceagent needs Python 3.11 or later; run: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

.venv/ready: pyproject.toml constraints.txt | .venv/bin/uv
	@echo "Installing (the first time llama.cpp is compiled: 5 to 20 minutes on two cores)"
	$(BIN)/uv pip install --python $(BIN)/python --constraint constraints.txt --editable .
	@touch $@

.venv/ready-dev: .venv/ready
	$(BIN)/uv pip install --python $(BIN)/python --constraint constraints.txt --editable . --group dev
	@touch $@
