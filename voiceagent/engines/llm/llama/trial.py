"""llama.cpp on a GPU: does it find one, and does it compute there what it computes on the CPU?

A small model of random weights decodes on both, in a process of its own: a library that does not fit its driver ends
the process. Run as a program, this prints its findings, one in JSON on each line.
"""

import ctypes
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from math import dist, hypot
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from voiceagent.engines.finding import Finding, Verdict, ok, problem
from voiceagent.engines.llm.llama.first_decode import BYTES, Q8_0, WIDTH, model_of_zeros

WITHIN_S = 60
CHECK = "llm on gpu"
PROMPT = 48
"""Tokens that are read at once; more than 32, from which a GPU is asked."""
ALIKE = 0.02
"""The distance between both outputs that rounding explains, as a share of their length."""
REBUILD = "compile llama.cpp for this GPU (`make gpu`, docs/gpu.md), or set llm.gpu_layers to 0"
COMMAND = (sys.executable, "-m", "voiceagent.engines.llm.llama.trial")


def try_llama(command: Sequence[str] = COMMAND) -> Iterator[Finding]:
    """Yield what is found, in a process of its own."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    except subprocess.TimeoutExpired:
        yield problem(CHECK, f"llama.cpp does not answer within {WITHIN_S} s", REBUILD)
        return
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            read = json.loads(line)
            yield Finding(read["check"], Verdict(read["verdict"]), read["text"], read["remedy"])
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        yield problem(CHECK, f"llama.cpp ends with {done.returncode} when it computes on the GPU ({last})", REBUILD)


def findings() -> Iterator[Finding]:
    """Yield what is found, in this process."""
    if find_spec("torch") is not None:
        import torch  # noqa: F401 (the server imports it first, too: both bring the same CUDA libraries)
    from llama_cpp import llama_cpp as lib

    lib.llama_backend_init()
    names = gpu_names()
    if not lib.llama_supports_gpu_offload() or not names:
        yield problem(CHECK, "this llama.cpp finds no GPU, or was compiled without one", REBUILD)
        return
    yield ok(CHECK, f"llama.cpp computes on {', '.join(names)}")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "random.gguf"
        path.write_bytes(model_of_noise())
        here, there = output(path, gpu_layers=0), output(path, gpu_layers=-1)
    apart = dist(here, there) / hypot(*here)
    text = f"a small model's output is {100 * apart:.2f} % away from the CPU's"
    yield ok(CHECK, text) if apart <= ALIKE else problem(CHECK, text, REBUILD)


def gpu_names() -> list[str]:
    """Return the GPUs that llama.cpp computes on."""
    from llama_cpp._ggml import libggml

    from voiceagent.engines.llm.llama.memory import GPU

    libggml.ggml_backend_dev_count.restype = ctypes.c_size_t
    libggml.ggml_backend_dev_get.restype = ctypes.c_void_p
    libggml.ggml_backend_dev_description.restype = ctypes.c_char_p
    devices = [
        ctypes.c_void_p(libggml.ggml_backend_dev_get(ctypes.c_size_t(number)))
        for number in range(libggml.ggml_backend_dev_count())
    ]
    found = [device for device in devices if libggml.ggml_backend_dev_type(device) in GPU]
    return [libggml.ggml_backend_dev_description(device).decode("utf-8", "replace") for device in found]


def output(path: Path, *, gpu_layers: int) -> list[float]:
    """Return the logits after a prompt and one more token. Raises RuntimeError when llama.cpp refuses."""
    from llama_cpp import llama_cpp as lib

    model_params, params = lib.llama_model_default_params(), lib.llama_context_default_params()
    model_params.n_gpu_layers = gpu_layers
    params.n_ctx = params.n_batch = params.n_ubatch = 64
    params.offload_kqv = params.op_offload = bool(gpu_layers)
    model = lib.llama_model_load_from_file(os.fsencode(path), model_params)
    context = model and lib.llama_init_from_model(model, params)
    if not context:
        raise RuntimeError("it does not load a model")
    for count in (PROMPT, 1):
        tokens = (lib.llama_token * count)(*range(1, count + 1))
        if code := lib.llama_decode(context, lib.llama_batch_get_one(tokens, count)):
            raise RuntimeError(f"llama_decode returns {code}")
    logits: Any = lib.llama_get_logits_ith(context, -1)
    values = [float(logits[place]) for place in range(WIDTH)]
    lib.llama_free(context)
    lib.llama_model_free(model)
    return values


def model_of_noise(seed: int = 0) -> bytes:
    """Return the small model with weights of a seed, in Q8_0."""
    draw = random.Random(seed)
    zeros = model_of_zeros()
    block, size = BYTES[Q8_0]
    matrices = 9  # one layer's seven, the table of tokens and the output
    weights = bytearray()
    for _ in range(matrices * WIDTH * WIDTH // block):
        weights += b"\x1e\x14" + draw.randbytes(block)  # a scale of 0.001 in float16, then numbers of 8 bits
    norms = b"\x00\x00\x80\x3f" * (3 * WIDTH)  # ones, in float32
    body = norms + bytes(weights)
    assert len(weights) == matrices * WIDTH * WIDTH // block * size
    return zeros[: len(zeros) - len(body)] + body


def main() -> None:
    """Print the findings, each as soon as it is there."""
    for finding in findings():
        print(json.dumps(asdict(finding)), flush=True)


if __name__ == "__main__":
    main()
