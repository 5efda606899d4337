"""Files that pass for checkpoints, until somebody reads the weights."""

import io
import os
import tarfile
from pathlib import Path
from typing import Any

import yaml

STREAMING_RNNT: dict[str, Any] = {
    "target": "nemo.collections.asr.models.rnnt_bpe_models.EncDecRNNTBPEModel",
    "tokenizer": {"type": "bpe"},
    "encoder": {
        "_target_": "nemo.collections.asr.modules.ConformerEncoder",
        "att_context_style": "chunked_limited",
        "conv_context_size": "causal",
    },
    "decoder": {"_target_": "nemo.collections.asr.modules.RNNTDecoder"},
}


def write_nemo(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    """An archive of those members, in that order."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def write_checkpoint(path: Path, config: dict[str, Any], weights: bytes = bytes(10_000), mode: str = "w") -> Path:
    """A checkpoint of that configuration."""
    members = {"./model_config.yaml": yaml.safe_dump(config).encode(), "./model_weights.ckpt": weights}
    return write_nemo(path, members, mode)


def write_hollow(path: Path, config: dict[str, Any], weights_bytes: int) -> Path:
    """A checkpoint whose weights are zeros, as many as that, which take no disk."""
    content = yaml.safe_dump(config).encode()
    description, weights = tarfile.TarInfo("./model_config.yaml"), tarfile.TarInfo("./model_weights.ckpt")
    description.size, weights.size = len(content), weights_bytes
    with tarfile.open(path, "w") as archive:
        archive.addfile(description, io.BytesIO(content))
        archive.addfile(weights)  # the header alone
    os.truncate(path, path.stat().st_size + weights_bytes)
    return path
