"""Recognisers from where the settings say: a checkpoint, or dummy weights in its place.

What can be refused is refused before anything is read: a file that is none, a checkpoint of another architecture, too
little memory. The encoder, which is nearly all of the model, takes the wanted number format; the decoder is small and
decides between close calls, and the features are sums over a wide range: both stay float32.
"""

from typing import TYPE_CHECKING, Any, Literal

from voiceagent.engines.nemo.archive import Archive, read_archive
from voiceagent.engines.nemo.memory import require_memory
from voiceagent.engines.nemo.restore import phase, restore
from voiceagent.engines.nemo.runtime import import_nemo
from voiceagent.engines.nemo.source import find_checkpoint
from voiceagent.errors import VoiceAgentError
from voiceagent.weights import Store

if TYPE_CHECKING:
    import torch

LoadFormat = Literal["checkpoint", "dummy", "dummy_tiny"]

DUMMY_BYTES = {"true": 618_080_000 * 4, "tiny": 500_000 * 4}
"""The English model's parameters (counted), and about the tiny one's, as float32."""
OVERHEAD_BYTES = 450 << 20
"""Beside the weights: buffers while they are read, positional encodings, workspaces (measured: 395 MiB at the most)."""
REMEDY = "free some, or choose a smaller model or another `device`"
NEEDED = "a cache-aware streaming FastConformer with an RNN-T decoder, such as nemotron-speech-streaming-en-0.6b"


def load_asr(
    model: str,
    *,
    load_format: LoadFormat,
    store: Store,
    device: "torch.device",
    dtype: "torch.dtype",
    language: str = "auto",
    threads: int = 1,
) -> Any:
    """Return a NeMo RNN-T model in evaluation mode on the device, ready for cache-aware streaming.

    `model` is a name in the manifest, the path of a .nemo file, or `org/name@revision` on Hugging Face; dummies do not
    look at it, except that a multilingual model's dummy is multilingual. `language` is for multilingual models.
    `threads` is how many threads torch takes on a CPU, for all models of the process. Raises VoiceAgentError.
    """
    import torch

    if load_format == "checkpoint":
        archive = read_archive(find_checkpoint(model, store))
        require_streaming_rnnt(archive)
        name, size = archive.path.name, archive.weights_bytes
    else:
        shape: Literal["true", "tiny"] = "true" if load_format == "dummy" else "tiny"
        name, size = f"a dummy of {shape} shape", DUMMY_BYTES[shape]
    require_memory(name, size + OVERHEAD_BYTES, torch.device("cpu"), REMEDY)
    if device.type != "cpu":
        require_memory(name, size * dtype.itemsize // 4 + OVERHEAD_BYTES, device, REMEDY)

    if load_format == "checkpoint":
        loaded = restore(archive, "asr")
    else:
        with phase("importing NeMo"):
            import_nemo()
        from voiceagent.engines.nemo.dummy_asr import dummy_asr

        with phase(f"making {name}"):
            loaded = dummy_asr(shape, multilingual=_is_multilingual(model))
    _set_language(loaded, language)
    if device.type == "cpu":
        torch.set_num_threads(threads)
    with phase(f"moving {name} to {device} as {str(dtype).removeprefix('torch.')}"):
        loaded.encoder.to(dtype)
        loaded.to(device)
    return loaded


def require_streaming_rnnt(archive: Archive) -> None:
    """Refuse a checkpoint the recogniser cannot stream with. Raises VoiceAgentError: what it is, what is needed."""
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


def _is_multilingual(model: str) -> bool:
    return "nemotron-3.5-asr" in model


def _set_language(model: Any, language: str) -> None:
    """Set the language prompt, where the model has one. Raises VoiceAgentError with the languages it has."""
    prompts = (model.cfg.model_defaults.get("prompt_dictionary") if "model_defaults" in model.cfg else None) or {}
    if not prompts and language not in ("auto", "en", "en-US"):
        raise VoiceAgentError(
            f"`language: {language}`: this model takes no language; for others than English choose a multilingual one,"
            " such as nemotron-3.5-asr-streaming-0.6b"
        )
    if prompts and language not in prompts:
        raise VoiceAgentError(f"`language: {language}` is none of this model's: {', '.join(sorted(prompts))}")
    if prompts:
        model.set_inference_prompt(language)
