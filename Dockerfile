# One image, two targets: `cpu` (the default: small models, no torch) and `cuda` (Nemotron Speech, Nemotron-3-Nano, Magpie).
# docs/containers.md says how to build and run it, and what each stage takes.
#
#   docker build -t voiceagent:cpu .                                                    # amd64 or arm64
#   docker build -t voiceagent:cuda --target cuda --build-arg CUDA_ARCHS=120 .          # RTX 5090; 121 DGX Spark, 90 H100
#   docker build --build-context wheels=$HOME/.cache/voiceagent/wheels ...              # with a llama.cpp compiled already
#   docker build --secret id=pip,src=pip.conf --secret id=uv,src=uv.toml ...            # an index of your own
#
# Debian for both: CUDA's compiler and libraries are wheels, of the version that torch names, so no nvidia/cuda image.
ARG BASE=docker.io/library/debian:bookworm-slim

# Replaced by `--build-context wheels=FOLDER`.
FROM scratch AS wheels

FROM ${BASE} AS python
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates libgomp1 python3 \
 && rm -rf /var/lib/apt/lists/*

FROM python AS builder
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends g++ make python3-dev python3-venv \
 && rm -rf /var/lib/apt/lists/*
ARG UV_VERSION=0.13.9
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m venv /opt/tools \
 && /opt/tools/bin/pip install --no-cache-dir --disable-pip-version-check "uv==${UV_VERSION}" \
 && /opt/tools/bin/uv venv --quiet --python /usr/bin/python3 /opt/voiceagent
ENV PATH=/opt/tools/bin:$PATH UV_LINK_MODE=copy VIRTUAL_ENV=/opt/voiceagent
WORKDIR /src
# What changes seldom comes first: a change of the sources alone costs no compiling and no download.
COPY constraints.txt ./
COPY scripts/build-llama scripts/build-llama
COPY scripts/llama scripts/llama

FROM builder AS llama-cpu
# For any CPU of the architecture from 2013 (AVX2) or 2018 (dot products) on, not the builder's own.
ARG CPU_ARGS=""
RUN --mount=type=bind,from=wheels,target=/wheels --mount=type=secret,id=pip,target=/etc/pip.conf \
    mkdir /built \
 && find /wheels -name "llama_cpp_python-*.whl" -exec cp {} /built \; \
 && if [ "$(uname -m)" = aarch64 ]; then arm=-DGGML_CPU_ARM_ARCH=armv8.2-a+dotprod; fi \
 && CMAKE_ARGS="-DGGML_NATIVE=OFF ${arm:-} ${CPU_ARGS}" /opt/tools/bin/python scripts/build-llama --wheel-dir /built

FROM builder AS llama-cuda
# Compute capabilities: 90 H100, 120 RTX 5090, 121 DGX Spark. Each one takes its own time to compile.
ARG CUDA_ARCHS="120;121"
# The toolkit that torch's wheel names (torch 2.13: 13.0.3), so that compiler and libraries agree. As wheels it lacks links
# that compilers look for, and the driver's stub, which ggml's virtual memory (VMM) wants.
ARG CUDA_TOOLKIT=13.0.3
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    --mount=type=cache,target=/root/.cache/uv \
    uv venv --quiet --python /usr/bin/python3 /opt/cuda \
 && uv pip install --quiet --python /opt/cuda "cuda-toolkit[nvcc,crt,nvvm,cudart,cccl,cublas]==${CUDA_TOOLKIT}" \
 && ln -s /opt/cuda/lib/python3*/site-packages/nvidia/cu13 /opt/cu13 \
 && for lib in /opt/cu13/lib/*.so.*; do ln -sf "${lib##*/}" "${lib%%.so.*}.so"; done \
 && ln -s lib /opt/cu13/lib64
RUN --mount=type=bind,from=wheels,target=/wheels --mount=type=secret,id=pip,target=/etc/pip.conf \
    mkdir /built \
 && find /wheels -name "llama_cpp_python-*.whl" -exec cp {} /built \; \
 && if [ "$(uname -m)" = aarch64 ]; then arm=-DGGML_CPU_ARM_ARCH=armv8.2-a+dotprod; fi \
 && CUDACXX=/opt/cu13/bin/nvcc CUDAToolkit_ROOT=/opt/cu13 \
    CMAKE_ARGS="-DGGML_NATIVE=OFF ${arm:-} -DGGML_CUDA=ON -DGGML_CUDA_NO_VMM=ON -DCMAKE_CUDA_ARCHITECTURES=${CUDA_ARCHS}" \
    /opt/tools/bin/python scripts/build-llama --wheel-dir /built

# The dependencies from pyproject.toml alone; then the package, without them.
FROM builder AS venv-cpu
ARG EXTRAS="--extra mcp --extra openai"
COPY pyproject.toml ./
COPY --from=llama-cpu /built /built
# hadolint ignore=SC2086
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    --mount=type=cache,target=/root/.cache/uv \
    uv pip install --constraint constraints.txt --find-links /built --compile-bytecode --requirement pyproject.toml ${EXTRAS}
COPY --from=python /var/lib/dpkg/status /built/debian
COPY . ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    --mount=type=cache,target=/root/.cache/uv \
    uv pip install --no-deps --compile-bytecode . \
 && /opt/voiceagent/bin/python scripts/sbom --debian /built/debian >/opt/voiceagent/sbom.cdx.json

FROM builder AS venv-cuda
ARG EXTRAS="--extra nemo --extra mcp --extra openai"
COPY pyproject.toml constraints-nemo.txt ./
COPY --from=llama-cuda /built /built
# NeMo has a few requirements that are source alone: pyopenjtalk is compiled.
# hadolint ignore=SC2086
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    --mount=type=cache,target=/root/.cache/uv \
    uv pip install --constraint constraints-nemo.txt --find-links /built --compile-bytecode --requirement pyproject.toml ${EXTRAS}
COPY --from=python /var/lib/dpkg/status /built/debian
COPY . ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    --mount=type=cache,target=/root/.cache/uv \
    uv pip install --no-deps --compile-bytecode . \
 && /opt/voiceagent/bin/python scripts/sbom --debian /built/debian >/opt/voiceagent/sbom.cdx.json

FROM python AS runtime
RUN useradd --uid 10001 --user-group --no-create-home --no-log-init --home-dir /data voiceagent \
 && install --directory --owner voiceagent --group voiceagent /data
# Models, what is measured of the machine, recordings: the image has none, and nothing else is written to.
ENV PATH=/opt/voiceagent/bin:$PATH PYTHONUNBUFFERED=1 HOME=/data XDG_CACHE_HOME=/data/cache HF_HOME=/data/huggingface \
    VOICEAGENT_WEIGHTS_DIR=/data/weights VOICEAGENT_PULL=yes VOICEAGENT_SERVER__HOST=0.0.0.0
COPY --chmod=755 deploy/container-health /usr/local/bin/container-health
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 7860/tcp
STOPSIGNAL SIGTERM
# The first start may have gigabytes to fetch.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60m --retries=3 CMD ["container-health"]
ENTRYPOINT ["voiceagent"]
ARG VERSION="" REVISION=""
LABEL org.opencontainers.image.title="voiceagent" \
      org.opencontainers.image.description="A spoken-conversation agent in one process" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM runtime AS cuda
COPY --from=venv-cuda /opt/voiceagent /opt/voiceagent
# llama.cpp takes CUDA's libraries from the wheels that torch brings.
ENV LD_LIBRARY_PATH=/opt/voiceagent/lib/python3.11/site-packages/nvidia/cu13/lib \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
CMD ["serve", "--config", "rtx5090.yaml"]

FROM runtime AS cpu
COPY --from=venv-cpu /opt/voiceagent /opt/voiceagent
CMD ["serve", "--config", "cpu.yaml"]
