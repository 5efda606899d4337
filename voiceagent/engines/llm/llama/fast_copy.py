"""A copy of a model from which a CPU reads prompts faster, made once and kept.

llama.cpp multiplies batches fast only in some weight formats, and the Q4_1 of the embedded SmolLM2 is not one of them:
24 tokens of prompt take 122 ms of a core from the original, 74 ms from a Q8_0 copy; a token of the reply takes 8.5 ms
from either. The copy says the same (Kullback-Leibler divergence 0.006; the even faster 4-bit formats: 0.25 to 0.39).

A BF16 copy was tried on a CPU with avx512_bf16 and is not made: it reads 24 tokens in 54 ms, but each token of a reply
reads twice the memory (12 ms), and the first 14 come 5 to 9 % later. Served together, two callers who ask at once wait
a fifth less for the later answer and half as long again for the earlier one; four gain 13 % on average.
"""

import ctypes
import logging
import os
from contextlib import suppress
from pathlib import Path

from llama_cpp import llama_cpp as lib

from voiceagent.engines.llm.llama.model import LlamaError, LlamaModel, forget_complaints

log = logging.getLogger(__name__)

SLOW_TYPES = {"3", "9"}
"""`general.file_type` of files that are mostly Q4_1 or Q5_1."""


def load_fastest(path: Path, folder: Path) -> LlamaModel:
    """Load a model, or its fast copy in `folder` if that is faster.

    The copy is made if it is missing or older than the model; if that fails, the model itself is loaded. Raises
    VoiceAgentError as LlamaModel does.
    """
    model = LlamaModel(path)
    if model.file_type not in SLOW_TYPES:
        return model
    copy = folder / f"{path.stem}.q8_0.gguf"
    try:
        if not copy.is_file() or copy.stat().st_mtime < path.stat().st_mtime:
            convert(path, copy, lib.LLAMA_FTYPE_MOSTLY_Q8_0)
        fast = LlamaModel(copy)
    except (OSError, LlamaError) as error:
        log.warning("no fast copy of %s: %s", path, error)
        with suppress(OSError):  # so that a damaged one is made again the next time
            copy.unlink()
        return model
    model.close()
    return fast


def convert(path: Path, copy: Path, file_type: int) -> None:
    """Write a copy of a model with its weights in another format, one of llama.cpp's `LLAMA_FTYPE_*`.

    Raises LlamaError or OSError if that fails; then there is no copy.
    """
    copy.parent.mkdir(parents=True, exist_ok=True)
    unfinished = copy.with_suffix(f".{os.getpid()}.part")
    params = lib.llama_model_quantize_default_params()
    params.ftype = file_type
    params.allow_requantize = True
    params.nthread = 1
    forget_complaints()
    try:
        if lib.llama_model_quantize(os.fsencode(path), os.fsencode(unfinished), ctypes.byref(params)) != 0:
            raise LlamaError(f"{unfinished} cannot be written")
        unfinished.replace(copy)
    finally:
        unfinished.unlink(missing_ok=True)
