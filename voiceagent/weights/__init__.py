"""The pinned model files: which and where they are, and how they are fetched (`pull` is imported where it is used)."""

from voiceagent.weights.errors import DiskFullError, WeightsError
from voiceagent.weights.manifest import Manifest, Model, ModelFile, load_manifest
from voiceagent.weights.store import FileState, Store, default_root

__all__ = [
    "DiskFullError",
    "FileState",
    "Manifest",
    "Model",
    "ModelFile",
    "Store",
    "WeightsError",
    "default_root",
    "load_manifest",
]
