"""Magpie TTS and its codec with seeded random weights: NeMo's own modules at their true shape, or tiny ones for tests.

Speed, memory, batching and numerical parity can be measured with them; they speak no language. The weights have enough
contrast that no two codes are as good as equally likely, and end-of-speech is so unlikely that the length of an
utterance is set by what bounds it.

Shapes: nvidia/magpie_tts_multilingual_357m (stacking 1: v2512 and v2602; stacking 2: v2607) and
nvidia/nemo-nano-codec-22khz-1.89kbps-21.5fps.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch

from voiceagent.engines.nemo.runtime import import_nemo, quiet

Shape = Literal["true", "tiny"]

TTS = "nemo.collections.tts"
CODEC_MODULES = TTS + ".modules.audio_codec_modules."
SPEAKERS = 5
UNLIKELY = -40.0
"""The end-of-speech logit."""
CODEC_GAIN = 1.6
"""The default weights of a convolution let the signal die away over the five stages."""


@dataclass(frozen=True, slots=True)
class Dimensions:
    """What differs between the shapes."""

    model: int
    feed_forward: int
    heads: int
    encoder_layers: int
    text_head: int
    local: int
    positions: int
    context: tuple[int, int]
    """Length of the baked voices, by frame stacking."""


DIMENSIONS = {
    "true": Dimensions(768, 3072, 12, 6, 128, 256, 2048, (110, 217)),
    "tiny": Dimensions(64, 128, 4, 2, 16, 32, 512, (12, 12)),
}
CODEC_CHANNELS = {"true": (24, 864), "tiny": (2, 64)}
"""Channels of the codec's encoder, which is never used, and of its decoder."""


def dummy_magpie(shape: Shape = "tiny", *, stacking: int = 1, codec: Shape | None = None, seed: int = 0) -> Any:
    """Return a MagpieTTSModel in evaluation mode; `codec` is its codec's shape, `shape` if None."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "codec.nemo"
        with quiet():
            dummy_codec(codec or shape, seed=seed).save_to(str(path))
        return magpie_with(path, shape, stacking=stacking, seed=seed)


def dummy_codec(shape: Shape, *, seed: int = 0) -> Any:
    """Return an AudioCodecModel in evaluation mode."""
    import_nemo("tts")
    from nemo.collections.tts.models import AudioCodecModel
    from omegaconf import OmegaConf

    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        codec = AudioCodecModel(cfg=OmegaConf.create(_codec_config(shape))).eval()
    with torch.no_grad():
        for name, parameter in codec.audio_decoder.named_parameters():
            if name.endswith("original0"):
                parameter.mul_(CODEC_GAIN)
    return codec


def magpie_with(codec: Path, shape: Shape, *, stacking: int = 1, seed: int = 0) -> Any:
    """Return a MagpieTTSModel in evaluation mode whose codec is in that file."""
    import_nemo("tts")
    from nemo.collections.tts.models import MagpieTTSModel
    from omegaconf import OmegaConf

    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        model = MagpieTTSModel(cfg=OmegaConf.create(_config(shape, stacking, str(codec)))).eval()
    context, width = DIMENSIONS[shape].context[stacking - 1], DIMENSIONS[shape].model
    model.baked_context_embedding = torch.nn.Embedding(SPEAKERS, context * width)
    model.baked_context_embedding.weight.requires_grad_(False)
    model._baked_embedding_T = torch.tensor(context)
    model._baked_embedding_D = torch.tensor(width)
    model.baked_context_embedding_len = torch.full((SPEAKERS,), context, dtype=torch.long)
    _randomise(model, shape, torch.Generator().manual_seed(seed))
    return model


def _randomise(model: Any, shape: Shape, generator: Any) -> None:
    """Give the model weights whose choices are clear-cut."""
    with torch.no_grad():
        for head in (model.final_proj, *model.local_transformer_out_projections):
            head.weight.normal_(0, 2 / head.in_features**0.5, generator=generator)
            head.bias.zero_()
            head.bias.view(-1, model.num_all_tokens_per_codebook)[:, model.audio_eos_id] = UNLIKELY
        for table in (*model.audio_embeddings, model.text_embedding):
            table.weight.normal_(0, 1.0, generator=generator)
        model.baked_context_embedding.weight.normal_(0, 0.3, generator=generator)
        for transformer, scale in ((model.encoder, 0.04), (model.decoder, 0.04), (model.local_transformer, 0.06)):
            for name, parameter in transformer.named_parameters():
                if parameter.ndim >= 2 and "position" not in name:
                    deviation = scale * (768 / parameter.shape[1]) ** 0.5 if shape == "tiny" else scale
                    parameter.normal_(0, deviation, generator=generator)


def _codec_config(shape: Shape) -> dict[str, Any]:
    encoder_channels, decoder_channels = CODEC_CHANNELS[shape]
    losses = TTS + ".losses.audio_codec_loss."
    return {
        "target": TTS + ".models.audio_codec.AudioCodecModel",
        "sample_rate": 22050,
        "samples_per_frame": 1024,
        # NeMo builds its losses even where nothing is trained.
        "loss_resolutions": [[512, 128, 512]],
        "mel_loss_dims": [20],
        "commit_loss_scale": 0.0,
        "generator_loss": {"_target_": losses + "GeneratorSquaredLoss"},
        "discriminator_loss": {"_target_": losses + "DiscriminatorSquaredLoss"},
        "audio_encoder": {
            "_target_": CODEC_MODULES + "HiFiGANEncoder",
            "down_sample_rates": [2, 2, 4, 8, 8],
            "encoded_dim": 32,
            "base_channels": encoder_channels,
            "activation": "lrelu",
            "resblock_dilation_sizes": [1],
        },
        "audio_decoder": {
            "_target_": CODEC_MODULES + "CausalHiFiGANDecoder",
            "up_sample_rates": [8, 8, 4, 2, 2],
            "input_dim": 32,
            "base_channels": decoder_channels,
            "activation": "half_snake",
            "output_activation": "clamp",
            "pad_mode": "zeros",
            "n_groups_equal_to_out_channels": True,
        },
        "vector_quantizer": {
            "_target_": CODEC_MODULES + "GroupFiniteScalarQuantizer",
            "num_groups": 8,
            "num_levels_per_group": [8, 7, 6, 6],
        },
        "optim": {"_target_": "torch.optim.Adam", "lr": 1e-4},
    }


def _config(shape: Shape, stacking: int, codec_path: str) -> dict[str, Any]:
    size = DIMENSIONS[shape]
    stack = {
        "d_model": size.model,
        "d_ffn": size.feed_forward,
        "sa_n_heads": size.heads,
        "p_dropout": 0.1,
        "p_dropout_out": 0.0,
        "apply_norm_out": True,
        "max_length_causal_mask": size.positions,
        "use_learnable_pos_emb": True,
    }
    return {
        "target": TTS + ".models.magpietts.MagpieTTSModel",
        "model_type": "decoder_ce",
        "frame_stacking_factor": stacking,
        "embedding_dim": size.model,
        "codecmodel_path": codec_path,
        "use_text_conditioning_encoder": False,
        "context_duration_min": 5.0 * stacking,
        "context_duration_max": 5.0 * stacking,
        "load_cached_codes_if_available": True,
        "prior_scaling_factor": None,
        "prior_end_step": 0,
        "prior_scaledown_start_step": 0,
        "alignment_loss_scale": 0.0,
        "cfg_unconditional_prob": 0.1,
        "use_alignment_encoder": False,
        "local_transformer_type": "autoregressive",
        "local_transformer_n_layers": stacking,
        "local_transformer_n_heads": 1 if stacking == 1 else size.heads,
        "local_transformer_hidden_dim": size.local if stacking == 1 else size.model,
        # NeMo finds a language's tokeniser by its name. This one is spelt by letters: it needs no file.
        "text_tokenizers": {
            "english_phoneme": {
                "_target_": "nemo.collections.common.tokenizers.text_to_speech.tts_tokenizers.EnglishCharsTokenizer",
                "punct": True,
                "apostrophe": True,
                "pad_with_space": False,
            }
        },
        "encoder": {
            **stack,
            "n_layers": size.encoder_layers,
            "kernel_size": 3,
            "has_xattn": False,
            "is_causal": True,
        },
        "context_encoder": {**stack, "n_layers": 1, "kernel_size": 3, "has_xattn": False, "is_causal": False},
        "decoder": {
            **stack,
            "n_layers": 12,
            "kernel_size": 1,
            "has_xattn": True,
            "xa_d_head": size.text_head,
            "xa_d_memory": size.model,
            "xa_n_heads": 1,
            "is_causal": True,
            "apply_norm_to_cond": True,
        },
        "inference_parameters": {
            "max_decoder_steps": 500,
            "temperature": 0.6,
            "topk": 80,
            "cfg_scale": 2.5,
            "apply_attention_prior": True,
            "attention_prior_epsilon": 0.1,
            "attention_prior_lookahead_window": 6 if stacking == 2 else 5,
            "estimate_alignment_from_layers": [4, 5, 8, 9],
            "apply_prior_to_layers": [2, 3, 4, 5, 6, 7, 8, 9, 10],
            "start_prior_after_n_audio_steps": 0,
            "ignore_finished_sentence_tracking": True,
            "eos_detection_method": "argmax_or_multinomial_any",
            "min_generated_frames": 4,
        },
        "optim": {"_target_": "torch.optim.AdamW", "lr": 2e-4},
    }
