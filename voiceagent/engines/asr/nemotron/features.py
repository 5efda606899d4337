"""Log-mel features of a piece of a stream: what NeMo computes for a whole recording, for some of its frames only.

A mel frame depends only on 400 samples around it and one more for pre-emphasis: so each is computed once, when its
samples have arrived, and equals NeMo's (`FilterbankFeatures`, centred, zero-padded, not normalised).
"""

from typing import Any

import torch
from torch import Tensor

from voiceagent.engines.asr.nemotron.geometry import HOP, WINDOW
from voiceagent.errors import VoiceAgentError


class LogMel:
    """The front end of a NeMo model. `preprocessor` is its `AudioToMelSpectrogramPreprocessor`."""

    def __init__(self, preprocessor: Any, device: torch.device) -> None:
        featurizer = preprocessor.featurizer
        found = {
            "hop_length": featurizer.hop_length,
            "win_length": featurizer.win_length,
            "normalize": featurizer.normalize or "NA",
            "exact_pad": featurizer.exact_pad,
            "mag_power": featurizer.mag_power,
            "frame_splicing": featurizer.frame_splicing,
            "log_zero_guard_type": featurizer.log_zero_guard_type,
        }
        wanted = {
            "hop_length": HOP,
            "win_length": WINDOW,
            "normalize": "NA",
            "exact_pad": False,
            "mag_power": 2.0,
            "frame_splicing": 1,
            "log_zero_guard_type": "add",
        }
        if wrong := {key: value for key, value in found.items() if value != wanted[key]}:
            raise VoiceAgentError(
                f"This checkpoint's front end cannot be computed piece by piece: {wrong} (needed: "
                f"{ {key: wanted[key] for key in wrong} }). Use a streaming checkpoint (nemotron-speech-streaming)."
            )
        self._n_fft = int(featurizer.n_fft)
        self._preemphasis = float(featurizer.preemph or 0.0)
        self._guard = float(featurizer.log_zero_guard_value_fn(torch.zeros(())))
        self._window = featurizer.window.to(device, torch.float32)
        self._filters = featurizer.fb[0].to(device, torch.float32).T.contiguous()

    def __call__(self, samples: Tensor) -> Tensor:
        """Turn (batch, 401 + 160 (n - 1)) float32 samples into (batch, n, mels) float32 features."""
        emphasised = samples[:, 1:] - self._preemphasis * samples[:, :-1]
        frames = emphasised.unfold(1, WINDOW, HOP) * self._window
        spectrum = torch.view_as_real(torch.fft.rfft(frames, self._n_fft))
        power = spectrum.square().sum(-1)
        return torch.log(power @ self._filters + self._guard)
