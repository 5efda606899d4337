"""Recognisers from the checkpoints that the settings name.

Problems are found before any weights are read: a file that is no checkpoint, another architecture, too little memory.
The encoder, which is nearly all of the model, takes the configured number format; the decoder is small and decides
between close scores, and the features are sums over a wide range: both stay in float32.
"""

from typing import TYPE_CHECKING, Any

from voiceagent.engines.nemo.archive import Archive, read_archive
from voiceagent.engines.nemo.memory import forget_file, require_memory
from voiceagent.engines.nemo.precision import set_precision
from voiceagent.engines.nemo.restore import phase, restore
from voiceagent.engines.nemo.source import find_checkpoint
from voiceagent.errors import VoiceAgentError
from voiceagent.weights import Store

if TYPE_CHECKING:
    import torch

OVERHEAD_BYTES = 450 << 20
"""On top of the weights: buffers while reading, positional encodings, workspaces (measured: 395 MiB at most)."""
REMEDY = "free some, or choose a smaller model or another `device`"
NEEDED = "a cache-aware streaming FastConformer with an RNN-T decoder, such as nemotron-speech-streaming-en-0.6b"


def load_asr(
    model: str,
    *,
    store: Store,
    device: "torch.device",
    dtype: "torch.dtype",
    language: str = "auto",
    threads: int = 1,
) -> Any:
    """Return a NeMo RNN-T model in evaluation mode on the device, ready for cache-aware streaming.

    `model` is a name in the manifest, the path of a .nemo file, or `org/name@revision` on Hugging Face. With a
    `dtype` of 8 bits the encoder's linear layers have it, and the rest is in float32 on a CPU, in bfloat16 on a GPU.
    `language` is for multilingual models. `threads` is how many threads torch takes on a CPU, for all models of the
    process. Raises VoiceAgentError.
    """
    import torch

    from voiceagent.engines.nemo.fused.eight_bits import to_eight_bits
    from voiceagent.engines.nemo.linears import pack

    archive = read_archive(find_checkpoint(model, store))
    require_streaming_rnnt(archive)
    name, size = archive.path.name, archive.weights_bytes
    require_memory(name, size + OVERHEAD_BYTES, torch.device("cpu"), REMEDY)
    if device.type != "cpu":
        require_memory(name, size * dtype.itemsize // 4 + OVERHEAD_BYTES, device, REMEDY)

    loaded = restore(archive, "asr")
    _set_language(loaded, language)
    if device.type == "cpu":
        torch.set_num_threads(threads)
    set_precision(device)
    with phase(f"moving {name} to {device} as {str(dtype).removeprefix('torch.')}"):
        loaded.encoder.to(beside(dtype, device))
        if dtype.itemsize == 1 and device.type == "cuda":
            to_eight_bits(loaded.encoder.layers, dtype, but=("linear_pos",))
        loaded.to(device)
        if device.type == "cpu":
            pack(loaded.encoder, dtype, but=("linear_pos",))  # it serves once, to prepare the positions
    if device.type == "cuda":
        forget_file(archive.path)
    return loaded


def beside(dtype: "torch.dtype", device: "torch.device") -> "torch.dtype":
    """Return in what a model computes whose linear layers' weights have this dtype."""
    import torch

    if dtype.itemsize > 1:
        return dtype
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def require_streaming_rnnt(archive: Archive) -> None:
    """Raise VoiceAgentError, with what it is and what is needed, for a checkpoint that the recogniser cannot stream."""
    encoder, decoder = (archive.config.get(part) or {} for part in ("encoder", "decoder"))
    parts = {
        "encoder": str(encoder.get("_target_", "none")).rpartition(".")[2],
        "decoder": str(decoder.get("_target_", "none")).rpartition(".")[2],
        "attention": str(encoder.get("att_context_style", "unlimited")),
        "convolutions": str(encoder.get("conv_context_size", "not causal")),
        "tokenizer": "yes" if archive.config.get("tokenizer") else "none",
    }
    needed = {
        "encoder": "ConformerEncoder",
        "decoder": "RNNTDecoder",
        "attention": "chunked_limited",
        "convolutions": "causal",
        "tokenizer": "yes",
    }
    if wrong := [f"{part} {parts[part]} instead of {needed[part]}" for part in needed if parts[part] != needed[part]]:
        raise VoiceAgentError(f"{archive.path} holds {archive.kind} ({'; '.join(wrong)}). Needed is {NEEDED}")


def _set_language(model: Any, language: str) -> None:
    """Set the language prompt, if the model has one. Raises VoiceAgentError with the languages it has."""
    prompts = (model.cfg.model_defaults.get("prompt_dictionary") if "model_defaults" in model.cfg else None) or {}
    if not prompts and language not in ("auto", "en", "en-US"):
        raise VoiceAgentError(
            f"`language: {language}`: this model takes no language; for others than English use a multilingual one,"
            " such as nemotron-3.5-asr-streaming-0.6b"
        )
    if prompts and language not in prompts:
        raise VoiceAgentError(f"`language: {language}` is none of this model's: {', '.join(sorted(prompts))}")
    if prompts:
        model.set_inference_prompt(language)
