"""Cache-aware FastConformer RNN-T models with seeded random weights: the true shape, with meaningless output.

Speed, memory, batching and numerical parity can be measured with them where no checkpoint is available. Plain random
weights would emit one token for ever, or none at all; `_enliven` changes what enters and leaves the joint so that
tokens come about as often as in speech, and are different ones, which makes equality of tokens worth testing. Nothing
can be learnt from a dummy about word error rates.
"""

import weakref
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch
from torch import Tensor

from voiceagent.engines.nemo.dummies.pseudo_words import train_tokenizer
from voiceagent.engines.nemo.runtime import import_nemo, quiet

Shape = Literal["true", "tiny"]

RIGHT_CONTEXTS = (13, 6, 1, 0)
LEFT_CONTEXT, MULTILINGUAL_LEFT_CONTEXT = 70, 56
"""Encoder frames of 80 ms (model cards)."""
PROMPTS = 128
LANGUAGES = {"en-US": 0, "es-ES": 1, "de-DE": 2, "fr-FR": 3, "auto": 101}
"""Some entries of a multilingual model's prompt dictionary."""
TINY_LAYERS = 3
LIVELY = 16
"""Directions of a deep encoder's output that the joint looks at."""
TOKENS_PER_FRAME = 0.4
"""Five tokens a second, about what English speech has."""


def dummy_asr(
    shape: Shape, *, multilingual: bool = False, att_context: tuple[int, int] = (LEFT_CONTEXT, 1), seed: int = 0
) -> Any:
    """Build an `EncDecRNNTBPEModel` in evaluation mode, on the CPU, in float32.

    The tiny one has true features, subsampling and contexts, three layers of width 64 and 128 tokens. `att_context` is
    the context it is set to. A multilingual one is an `EncDecRNNTBPEModelWithPrompt`: regardless of `att_context`, its
    left context is 56; its language prompt is "auto".
    """
    import_nemo()
    from nemo.collections.asr.models import EncDecRNNTBPEModel, EncDecRNNTBPEModelWithPrompt
    from omegaconf import OmegaConf

    folder = TemporaryDirectory(prefix="voiceagent-dummy-")
    train_tokenizer(Path(folder.name), 1024 if shape == "true" else 128, seed)
    kind = EncDecRNNTBPEModelWithPrompt if multilingual else EncDecRNNTBPEModel
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        model = kind(cfg=OmegaConf.create(_config(shape, folder.name, multilingual))).eval()
        weakref.finalize(model, folder.cleanup)  # save_to copies the tokenizer's files from there
        if multilingual:
            model.set_inference_prompt("auto")
        _enliven(model, seed)
    left = MULTILINGUAL_LEFT_CONTEXT if multilingual else att_context[0]
    model.encoder.set_default_att_context_size([left, att_context[1]])
    return model


def _config(shape: Shape, tokenizer: str, multilingual: bool) -> dict[str, Any]:
    """What a checkpoint's `model_config.yaml` says (model cards; `xscaling` is a guess)."""
    true = shape == "true"
    width, predictor = (1024, 640) if true else (64, 128)
    left = MULTILINGUAL_LEFT_CONTEXT if multilingual else LEFT_CONTEXT
    defaults: dict[str, Any] = {"enc_hidden": width, "pred_hidden": predictor, "joint_hidden": predictor}
    if multilingual:
        defaults |= {"initialize_prompt_feature": True, "num_prompts": PROMPTS, "prompt_dictionary": LANGUAGES}
    target = "rnnt_bpe_models_prompt.EncDecRNNTBPEModelWithPrompt" if multilingual else "EncDecRNNTBPEModel"
    return {
        "target": f"nemo.collections.asr.models.{target}",
        "sample_rate": 16000,
        "compute_eval_loss": False,
        "log_prediction": False,
        "skip_nan_grad": False,
        "model_defaults": defaults,
        "tokenizer": {"dir": tokenizer, "type": "bpe"},
        "preprocessor": {
            "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor",
            "sample_rate": 16000,
            "normalize": "NA",
            "window_size": 0.025,
            "window_stride": 0.01,
            "window": "hann",
            "features": 128,
            "n_fft": 512,
            "log": True,
            "frame_splicing": 1,
            "dither": 0.0,
            "pad_to": 0,
            "pad_value": 0.0,
        },
        "encoder": {
            "_target_": "nemo.collections.asr.modules.ConformerEncoder",
            "feat_in": 128,
            "feat_out": -1,
            "n_layers": 24 if true else TINY_LAYERS,
            "d_model": width,
            "use_bias": False,
            "subsampling": "dw_striding",
            "subsampling_factor": 8,
            "subsampling_conv_channels": 256 if true else 16,
            "causal_downsampling": True,
            "ff_expansion_factor": 4,
            "self_attention_model": "rel_pos",
            "n_heads": 8 if true else 4,
            "att_context_size": [[left, right] for right in RIGHT_CONTEXTS],
            "att_context_style": "chunked_limited",
            "xscaling": False,
            "untie_biases": True,
            "pos_emb_max_len": 5000,
            "conv_kernel_size": 9,
            "conv_norm_type": "layer_norm",
            "conv_context_size": "causal",
            "dropout": 0.1,
            "dropout_pre_encoder": 0.1,
            "dropout_emb": 0.0,
            "dropout_att": 0.1,
        },
        "decoder": {
            "_target_": "nemo.collections.asr.modules.RNNTDecoder",
            "normalization_mode": None,
            "random_state_sampling": False,
            "blank_as_pad": True,
            "prednet": {"pred_hidden": predictor, "pred_rnn_layers": 2, "t_max": None, "dropout": 0.2},
        },
        "joint": {
            "_target_": "nemo.collections.asr.modules.RNNTJoint",
            "log_softmax": None,
            "preserve_memory": False,
            "fuse_loss_wer": False,
            "fused_batch_size": None,
            "jointnet": {"joint_hidden": predictor, "activation": "relu", "dropout": 0.2},
        },
        "decoding": {"strategy": "greedy_batch", "greedy": {"max_symbols": 10}},
        "loss": {"loss_name": "default"},
        "optim": {"name": "adamw", "lr": 1e-3},
    }


def _lively_directions(frames: Tensor) -> Tensor:
    """Find what changes most from frame to frame, compared with how far it strays: (width, LIVELY), of unit variance.

    A deep random encoder drifts slowly and far, each utterance elsewhere, which would decide everything else.
    """
    changes = (frames[:, 1:] - frames[:, :-1]).flatten(0, 1)
    strongest = torch.linalg.eigh(changes.T @ changes).eigenvectors[:, -2 * LIVELY :]
    seen = (frames.flatten(0, 1) - frames.mean((0, 1))) @ strongest
    strays, axes = torch.linalg.eigh(seen.T @ seen / len(seen))
    whitened = strongest @ (axes / strays.sqrt())
    moves = changes @ whitened
    return whitened @ torch.linalg.eigh(moves.T @ moves).eigenvectors[:, -LIVELY:]


@torch.no_grad()
def _enliven(model: Any, seed: int) -> None:
    """Give the joint inputs that vary, logits that are centred, and a blank bias that makes tokens frequent."""
    draw = torch.Generator().manual_seed(seed)
    joint, decoder = model.joint, model.decoder
    tokens = joint.num_classes_with_blank - 1
    decoder.prediction["embed"].weight[:tokens].normal_(0, 1, generator=draw)
    for name, parameter in decoder.prediction["dec_rnn"].named_parameters():
        if "weight" in name:  # strong inputs, weak memory: the last token counts, and older ones a little
            parameter.normal_(0, (0.6 if "_hh" in name else 3.0) / parameter.shape[1] ** 0.5, generator=draw)

    deep = len(model.encoder.layers) > TINY_LAYERS
    encoded, lengths = _encode(model, babble(6.0, 3 if deep else 4, seed))
    frames = encoded.transpose(1, 2).flatten(0, 1)
    histories = torch.randint(0, tokens, (8, 24), generator=draw)
    predicted = decoder.predict(histories, state=None, add_sos=False)[0].flatten(0, 1)
    for layer, inputs in ((joint.enc, frames), (joint.pred, predicted)):
        layer.weight.normal_(0, layer.in_features**-0.5, generator=draw)
        layer.bias.zero_()
        if deep and layer is joint.enc:
            layer.weight.copy_(layer.weight[:, :LIVELY] @ _lively_directions(encoded.transpose(1, 2)).T)
        outputs = layer(inputs)
        # scaled by the change from frame to frame, not the spread: a random encoder drifts slowly
        layer.weight.mul_(1.4 / (outputs[1:] - outputs[:-1]).std(0).mean())
        layer.bias.copy_(-layer(inputs).mean(0))

    logits = joint.joint_net[-1]
    logits.weight.normal_(0, 3 / logits.in_features**0.5, generator=draw)
    # Each token makes itself less likely, or greedy decoding falls into "the same token for ever".
    own = joint.pred(decoder.predict(torch.arange(tokens)[:, None], state=None, add_sos=False)[0][:, 0])
    logits.weight[:tokens] -= 3 * own / own.norm(dim=1, keepdim=True)
    some = joint.pred(predicted)[torch.randperm(len(predicted), generator=draw)[:24]]
    pairs = joint.joint_net[:-1](joint.enc(frames)[:, None] + some[None])
    logits.bias.copy_(-(pairs @ logits.weight.T).mean((0, 1)))
    _calibrate(model, encoded, lengths, logits(pairs))


def _calibrate(model: Any, encoded: Tensor, lengths: Tensor, logits: Tensor) -> None:
    """Find the blank bias for the wanted frequency of tokens. It does not fall evenly: keep the best bias seen."""
    bias = model.joint.joint_net[-1].bias
    centred = float(bias[-1])
    margin = (logits[..., :-1].amax(-1) - logits[..., -1]).flatten()
    low, high = torch.quantile(margin[:100_000], torch.tensor([0.05, 0.9999])).tolist()
    tried: list[tuple[float, float]] = []
    for _ in range(9):
        middle = (low + high) / 2
        bias[-1] = centred + middle
        hypotheses = model.decoding.rnnt_decoder_predictions_tensor(encoded, lengths, return_hypotheses=True)
        tokens = torch.tensor([len(hypothesis.y_sequence) for hypothesis in hypotheses])
        rates = (tokens / lengths).unflatten(0, (len(RIGHT_CONTEXTS), -1)).mean(1)
        tried.append((float((rates - TOKENS_PER_FRAME).abs().max()), float(bias[-1])))
        low, high = (middle, high) if rates.mean() > TOKENS_PER_FRAME else (low, middle)
    bias[-1] = min(tried)[1]


def _encode(model: Any, audio: Tensor) -> tuple[Tensor, Tensor]:
    """Encode utterances of one length at each right context: (batch, width, frames), and the numbers of frames."""
    samples = torch.full((len(audio),), audio.shape[1])
    features, frames = model.preprocessor(input_signal=audio, length=samples)
    prompted = getattr(model, "_apply_prompt_to_encoded", lambda encoded: encoded)
    encoded, lengths = [], []
    for context in model.encoder.att_context_size_all:
        model.encoder.set_default_att_context_size(context)
        outputs, valid = model.encoder(audio_signal=features, length=frames)
        encoded.append(prompted(outputs))
        lengths.append(valid)
    return torch.cat(encoded), torch.cat(lengths)


def babble(seconds: float, batch: int, seed: int) -> Tensor:
    """Sound as varied as speech, (batch, samples) at 16,000 Hz: noise and a gliding tone of changing loudness."""
    draw = torch.Generator().manual_seed(seed)
    samples = int(16000 * seconds)

    def wander(per_second: float) -> Tensor:
        points = torch.rand(batch, 1, int(seconds * per_second) + 2, generator=draw)
        return torch.nn.functional.interpolate(points, size=samples, mode="linear")[:, 0]

    loudness, pitch = wander(8) ** 2, 100 + 900 * wander(4)
    noise = 0.3 * torch.randn(batch, samples, generator=draw)
    return 0.3 * loudness * (noise + torch.sin(2 * torch.pi * torch.cumsum(pitch, 1) / 16000))
