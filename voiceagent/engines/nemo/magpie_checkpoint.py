"""Magpie TTS from the checkpoints that the settings name: the model's and its codec's.

NVIDIA's checkpoints name the codec but do not contain it; it is found here, so that nothing is fetched while NeMo
builds the model. As in NeMo, the codec decodes in float32, whatever the rest computes in.
"""

from typing import TYPE_CHECKING, Any

from voiceagent.engines.nemo.archive import WEIGHTS, Archive, read_archive
from voiceagent.engines.nemo.checkpoint import OVERHEAD_BYTES, beside
from voiceagent.engines.nemo.memory import forget_file, require_memory, utterance_bytes
from voiceagent.engines.nemo.precision import set_precision
from voiceagent.engines.nemo.restore import phase, restore
from voiceagent.engines.nemo.source import find_checkpoint
from voiceagent.errors import VoiceAgentError
from voiceagent.weights import Store

if TYPE_CHECKING:
    import torch

CODEC_STATE_BYTES = 4 * (360 * (432 + 216 + 108 + 54 + 27) + 2_000)
"""The inputs that one stream's convolutions keep on a CPU: in each of five stages those of three branches, each as many
as the longest needs, and little else. On a GPU 216 of a channel instead of 360."""
CACHE_BYTES = CODEC_STATE_BYTES + utterance_bytes(layers=12, width=768, positions=640, text_width=128, text=384 + 20)
"""The size of one utterance at the real shape with frame stacking 1, whose 110 + 500 positions are rounded up; stacking
2 has longer voices but fewer steps."""
REMEDY = "free some, lower `server.max_sessions`, or choose another voice, such as `tts.engine: hibari`"
NEEDED_MODEL = "a MagpieTTSModel with baked voices, such as magpie-tts-multilingual-v2607"
NEEDED_CODEC = "NanoCodec, nemo-nano-codec-22khz"


def load_magpie(
    model: str,
    *,
    codec: str,
    store: Store,
    device: "torch.device",
    dtype: "torch.dtype",
    streams: int = 1,
    threads: int = 1,
    packed: bool = True,
) -> Any:
    """Return a NeMo MagpieTTSModel with its codec, in evaluation mode, on the device.

    `model` and `codec` are names in the manifest, paths of .nemo files, or `org/name@revision` on Hugging Face. There
    must be room for the caches of `streams` utterances. `threads` is how many threads torch takes on a CPU, for all
    models of the process. NeMo's own loops need a model that is not `packed`. Raises
    VoiceAgentError.
    """
    import torch

    from voiceagent.engines.nemo.fused.eight_bits import to_eight_bits

    archive, codec_archive = (read_archive(find_checkpoint(name, store)) for name in (model, codec))
    require_magpie(archive)
    require_nano_codec(codec_archive)
    name = archive.path.name
    size = archive.weights_bytes + codec_archive.weights_bytes + OVERHEAD_BYTES + streams * CACHE_BYTES
    require_memory(name, size, torch.device("cpu"), REMEDY)
    if device.type != "cpu":
        require_memory(name, size, device, REMEDY)
    else:
        torch.set_num_threads(threads)

    loaded = restore(archive, "tts", {**archive.config, "codecmodel_path": str(codec_archive.path.resolve())})
    _require_whole(loaded, codec_archive)
    if not loaded.has_baked_context_embedding:
        raise VoiceAgentError(f"{name} holds no voices: it needs a recording to imitate. Needed is {NEEDED_MODEL}")
    set_precision(device)
    with phase(f"moving {name} to {device} as {str(dtype).removeprefix('torch.')}"):
        for part_name, part in loaded.named_children():
            if part_name != "_codec_model":
                part.to(beside(dtype, device))
        if dtype.itemsize == 1 and device.type == "cuda":
            for part in (loaded.decoder, loaded.local_transformer, loaded.local_transformer_out_projections):
                to_eight_bits(part, dtype)
        loaded.to(device)
        if device.type == "cpu" and packed:
            pack_magpie(loaded, dtype)
    if device.type == "cuda":
        forget_file(archive.path)
        forget_file(codec_archive.path)
    return loaded


def pack_magpie(model: Any, dtype: "torch.dtype") -> None:
    """Pack the linear layers of what runs at every step, on a CPU. NeMo runs the text's encoder, whose layers stay."""
    from voiceagent.engines.nemo.linears import pack, packed

    for part in (model.decoder, model.local_transformer, model.local_transformer_out_projections):
        pack(part, dtype)
    for name in ("final_proj", "local_transformer_in_projection"):
        setattr(model, name, packed(getattr(model, name), dtype))


def require_magpie(archive: Archive) -> None:
    """Raise VoiceAgentError, with what it is and what is needed, for another architecture."""
    config = archive.config
    kind = "MagpieTTSModel", "decoder_ce", "autoregressive"
    found = archive.kind, config.get("model_type"), str(config.get("local_transformer_type", "none")).lower()
    if found != kind:
        raise VoiceAgentError(
            f"{archive.path} holds {archive.kind} (model type {found[1]}, local transformer {found[2]})."
            f" Needed is {NEEDED_MODEL}"
        )


def require_nano_codec(archive: Archive) -> None:
    """Raise VoiceAgentError, with what it is and what is needed, for a codec that cannot stream."""
    decoder = str((archive.config.get("audio_decoder") or {}).get("_target_", "none")).rpartition(".")[2]
    if (archive.kind, decoder) != ("AudioCodecModel", "CausalHiFiGANDecoder"):
        raise VoiceAgentError(f"{archive.path} holds {archive.kind} (decoder {decoder}). Needed is {NEEDED_CODEC}")


def _require_whole(model: Any, archive: Archive) -> None:
    """Raise VoiceAgentError if some of the codec's weights are missing: NeMo ignores that silently."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    import torch

    with TemporaryDirectory(prefix="voiceagent-nemo-") as folder:
        archive.unpack(Path(folder))
        stored = torch.load(Path(folder) / WEIGHTS, map_location="cpu", mmap=True, weights_only=True)
        needed = model._codec_model.audio_decoder.state_dict(prefix="audio_decoder.")
        missing = [name for name in needed if name not in stored]
    if missing:
        raise VoiceAgentError(
            f"{archive.path} lacks {len(missing)} of the codec's {len(needed)} weights ({missing[0]} ...): get it again"
        )
