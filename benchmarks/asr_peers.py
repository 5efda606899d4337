"""Two other ways to run the same recogniser: NeMo's own streaming pipeline, and a sample's.

Each takes a chunk for each of its streams and lets NeMo do the rest; the transcripts are ignored. The sample is the
server of pipecat-ai/nemotron-january-2026: it computes the features of all audio so far at every chunk, one stream at a
time.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from voiceagent.engines.asr.contract import SAMPLE_RATE

Pcm = NDArray[np.float32]


class NemoPipeline:
    """NeMo's `CacheAwareRNNTPipeline`. Its frames must be exactly a chunk long."""

    def __init__(self, checkpoint: str, left: int, right: int, streams: int, device: torch.device) -> None:
        from nemo.collections.asr.inference.factory.pipeline_builder import PipelineBuilder
        from omegaconf import OmegaConf

        config = _pipeline_config(checkpoint, [left, right], streams, device)
        self._pipeline = PipelineBuilder.build_pipeline(OmegaConf.create(config))
        self.model: Any = self._pipeline.asr_model.asr_model
        self.chunk_samples = round(self._pipeline.chunk_size_in_secs * SAMPLE_RATE)
        self._opened = 0
        self._streams: list[int] = []
        self._pipeline.open_session()

    def open(self, streams: int) -> None:
        """Begin with new streams."""
        self._streams = list(range(self._opened, self._opened + streams))
        self._opened += streams
        self._first = True

    def step(self, samples: Pcm) -> None:
        """Hear the next chunk of each stream: (streams, chunk_samples)."""
        from nemo.collections.asr.inference.streaming.framing.request import Frame
        from nemo.collections.asr.inference.streaming.framing.request_options import ASRRequestOptions

        frames = [
            Frame(
                samples=torch.from_numpy(chunk),
                stream_id=stream,
                is_first=self._first,
                is_last=False,
                length=len(chunk),
                options=ASRRequestOptions() if self._first else None,
            )
            for stream, chunk in zip(self._streams, samples, strict=True)
        ]
        self._first = False
        self._pipeline.transcribe_step(frames)


class JanuarySample:
    """One stream; the front end runs over everything that was heard, at every chunk."""

    def __init__(self, model: Any, left: int, right: int) -> None:
        self._model = model
        model.encoder.set_default_att_context_size([left, right])
        model.encoder.setup_streaming_params()
        self._streaming = model.encoder.streaming_cfg
        self._audio: list[Pcm] = []
        self._caches = model.encoder.get_initial_cache_state(batch_size=1)
        self._hypotheses: Any = None
        self._position = 0

    def listen(self, samples: Pcm) -> None:
        """Add audio without a step."""
        self._audio.append(samples)
        self._position = sum(map(len, self._audio)) // 160

    @torch.inference_mode()
    def step(self, samples: Pcm) -> None:
        """Hear the next chunk: (chunk_samples,)."""
        self._audio.append(samples)
        pcm = torch.from_numpy(np.concatenate(self._audio))[None].to(self._model.device)
        mel, _ = self._model.preprocessor(input_signal=pcm, length=torch.tensor([pcm.shape[1]], device=pcm.device))
        first = self._hypotheses is None and self._position == 0
        before = 0 if first else self._streaming.pre_encode_cache_size[1]
        size = self._streaming.chunk_size[0 if first else 1]
        piece = mel[:, :, max(0, self._position - before) : self._position + size]
        channel, time, length = self._caches
        _, _, channel, time, length, self._hypotheses = self._model.conformer_stream_step(
            processed_signal=piece,
            processed_signal_length=torch.tensor([piece.shape[2]], device=pcm.device),
            cache_last_channel=channel,
            cache_last_time=time,
            cache_last_channel_len=length,
            keep_all_outputs=False,
            previous_hypotheses=self._hypotheses,
            drop_extra_pre_encoded=0 if first else self._streaming.drop_extra_pre_encoded,
        )
        self._caches = (channel, time, length)
        self._position += size


def _pipeline_config(checkpoint: str, context: list[int], streams: int, device: torch.device) -> dict[str, Any]:
    on_gpu = device.type == "cuda"
    greedy = {
        "use_cuda_graph_decoder": on_gpu,
        "enable_per_stream_biasing": False,
        "preserve_frame_confidence": False,
        "max_symbols": 10,
    }
    decoding = {"strategy": "greedy_batch", "preserve_alignments": False, "fused_batch_size": -1, "greedy": greedy}
    entropy = {"name": "entropy", "entropy_type": "tsallis", "alpha": 0.5, "entropy_norm": "exp"}
    return {
        "asr": {
            "model_name": checkpoint,
            "device": device.type,
            "device_id": 0,
            "compute_dtype": "bfloat16" if on_gpu else "float32",
            "use_amp": False,
            "decoding": decoding,
        },
        "confidence": {"exclude_blank": True, "aggregation": "mean", "method_cfg": entropy},
        "endpointing": {"stop_history_eou": -1, "residue_tokens_at_end": 0},
        "streaming": {
            "sample_rate": SAMPLE_RATE,
            "batch_size": streams,
            "word_boundary_tolerance": 4,
            "att_context_size": context,
            "use_cache": True,
            "use_feat_cache": True,
            "chunk_size_in_secs": None,
            "request_type": "frame",
            "num_slots": 4 * streams,
        },
        "itn": {"batch_size": 1, "n_jobs": 1, "left_padding_size": 4, "max_number_of_permutations_per_split": 729},
        "pipeline_type": "cache_aware",
        "asr_decoding_type": "rnnt",
        "enable_itn": False,
        "enable_nmt": False,
        "asr_output_granularity": "segment",
        "cache_dir": None,
        "lang": None,
        "return_tail_result": False,
        "matmul_precision": "high",
        "log_level": 40,
    }
