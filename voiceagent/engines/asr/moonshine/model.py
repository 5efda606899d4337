"""Moonshine through onnxruntime: audio in, tokens out, in bounded steps.

Greedy decoding with a KV cache and a draft: one decoder call verifies the expected tokens (those of the last partial),
which costs little more than decoding one token and replaces most of those calls.
Knows no streams and no time.

Model: Moonshine tiny-en (Jeffries et al. 2024, arXiv:2410.15608); its decoder is quantised to 8 bits with the scale
of each call's activations, so that a drafted decode is greedy up to near-ties, not bit for bit.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.engines.onnx import open_session
from voiceagent.errors import VoiceAgentError

START, END = 1, 2
VOCABULARY = 32_768
LAYERS, HEADS, HEAD_DIM = 6, 8, 36
TOKENS_PER_S = 6.5
"""More tokens than this in a second of audio are invented (model card)."""
MIN_S = 0.1
"""Shorter audio holds no word."""
PAD_S = 0.2
"""Zeros after the audio. Without them, a word that ends within 0.1 s of the end is misheard: character errors in
isolated words are 27 % without, 15 % with 0.2 s, no better with more (140 human clips, noise at -45 dBFS)."""
CALLS_PER_STEP = 3
"""Decoder calls in one step: 3 to 5 ms each on one core."""
DRAFTED_AHEAD = 8
"""Draft tokens offered again after a disagreement: one more costs 0.17 ms, one accepted saves 3."""
DRAFT_SLIP = 4
"""How far away in the draft to look for a token it did not predict, before taking it for a substitution."""
LOOP_PERIOD, LOOP_COPIES = 8, 5
"""Tokens that repeat this often are invented: people do not say anything five times."""
NOISE_TEXT = "You"
"""The transcript of 88 % of 120 coughs, clicks and hisses. The word itself comes out as "You." with its full stop."""
NOISE_MARK = "\N{COPYRIGHT SIGN}"
"""Stands in what is written for some laughs: the credits of subtitles."""

Cache = dict[str, NDArray[np.float32]]


class Moonshine:
    """The loaded model."""

    def __init__(self, encoder: Path, decoder: Path, tokenizer: Path, threads: int) -> None:
        self._vocabulary = read_vocabulary(tokenizer)
        self._encoder = open_session(encoder, threads)
        self._decoder = open_session(decoder, threads)

    def encode(self, pcm: NDArray[np.float32], draft: Sequence[int] = ()) -> "Decoding":
        """Encode 16 kHz mono audio in one step (5 ms per second of it), and return its decoding, not yet begun."""
        if len(pcm) < MIN_S * SAMPLE_RATE:
            return Decoding(self._decoder, {}, 0, ())
        samples = np.concatenate((np.nan_to_num(pcm), np.zeros(int(PAD_S * SAMPLE_RATE), np.float32)))[np.newaxis]
        # The mask counts samples, also for the decoder, which sees one frame per 384 of them.
        mask = np.ones(samples.shape, np.int64)
        (frames,) = self._encoder.run(None, {"input_values": samples, "attention_mask": mask})
        memory = {"encoder_attention_mask": mask, "encoder_hidden_states": frames}
        return Decoding(self._decoder, memory, int(samples.shape[1] / SAMPLE_RATE * TOKENS_PER_S), draft)

    def text(self, tokens: Sequence[int]) -> str:
        """Return the text of the tokens; "" for what the model writes where there is no speech."""
        spelled = b"".join(self._vocabulary[token] for token in tokens).decode("utf-8", "ignore")
        text = spelled.replace("\u2581", " ").replace("♪", "").strip()
        said = any(map(str.isalnum, text)) and text != NOISE_TEXT and NOISE_MARK not in text
        return text if said else ""


class Decoding:
    """The decoding of one utterance."""

    def __init__(
        self, decoder: ort.InferenceSession, memory: dict[str, NDArray[np.generic]], limit: int, draft: Sequence[int]
    ) -> None:
        self.tokens: list[int] = []
        self.log_probability = 0.0
        """Of all tokens together, the end included."""
        self._decoder = decoder
        self._memory = memory
        self._limit = limit
        self._draft = draft
        self._at = 0
        """How much of the draft is used up."""
        self._cache: Cache = {}

    def step(self) -> bool:
        """Decode some tokens; return whether these were the last."""
        return self._limit == 0 or any(self._call() for _ in range(CALLS_PER_STEP))

    def _call(self) -> bool:
        """Verify the next part of the draft, and add the accepted tokens and one more."""
        ahead = DRAFTED_AHEAD if self.tokens else self._limit
        proposal = list(self._draft[self._at : self._at + ahead])
        best, log_probabilities = self._run([self.tokens[-1] if self.tokens else START, *proposal])
        agreed = next((i for i, token in enumerate(proposal) if token != best[i]), len(proposal))
        self._keep(len(self.tokens) + agreed + 1)
        for token, log_probability in zip(best[: agreed + 1], log_probabilities, strict=False):
            self.log_probability += log_probability
            if token == END or len(self.tokens) == self._limit:
                return True
            self.tokens.append(token)
            if (period := loop(self.tokens)) is not None:
                del self.tokens[-period * (LOOP_COPIES - 1) :]
                return True
        self._at += agreed
        self._realign(best[agreed])
        return False

    def _realign(self, token: int) -> None:
        """Find where the draft goes on after a token it did not predict."""
        near = range(max(0, self._at - DRAFT_SLIP), min(len(self._draft), self._at + DRAFT_SLIP + 1))
        same = [at for at in near if self._draft[at] == token]
        self._at = 1 + min(same, key=lambda at: abs(at - self._at), default=self._at)

    def _run(self, ids: list[int]) -> tuple[list[int], list[float]]:
        """Feed tokens; return the best token after each of them, and its log probability."""
        cached = bool(self._cache)
        # With a cache, the encoder's keys and values need not be returned again.
        wanted = [name for name in PRESENT if not cached or ".decoder." in name]
        logits, *present = self._decoder.run(
            ["logits", *wanted],
            {
                **self._memory,
                **{name: self._cache.get(name, NOTHING) for name in PAST},
                "input_ids": np.array([ids], np.int64),
                "use_cache_branch": np.array([cached]),
            },
        )
        self._cache |= {PAST[PRESENT.index(name)]: value for name, value in zip(wanted, present, strict=True)}
        best = logits[0].argmax(axis=-1)
        highest = logits[0, range(len(best)), best]
        if not np.isfinite(highest).all():  # the largest of NaN values means nothing
            raise VoiceAgentError(
                "The recogniser's output is not a number. If this recurs, check its files: voiceagent weights verify"
            )
        log_probabilities = -np.log(np.exp(logits[0] - highest[:, np.newaxis]).sum(axis=-1))
        return best.tolist(), log_probabilities.tolist()

    def _keep(self, tokens: int) -> None:
        """Drop the rejected draft tokens from the cache."""
        for name, value in self._cache.items():
            if ".decoder." in name and value.shape[2] > tokens:
                self._cache[name] = value[:, :, :tokens]


_SLOTS = [
    f"{layer}.{side}.{kind}" for layer in range(LAYERS) for side in ("decoder", "encoder") for kind in ("key", "value")
]
PAST = [f"past_key_values.{slot}" for slot in _SLOTS]
PRESENT = [f"present.{slot}" for slot in _SLOTS]
NOTHING = np.zeros((1, HEADS, 0, HEAD_DIM), np.float32)


def loop(tokens: Sequence[int]) -> int | None:
    """Return the length of the phrase of which the tokens end with LOOP_COPIES copies, if there is one."""
    for period in range(1, LOOP_PERIOD + 1):
        tail = tokens[-period * LOOP_COPIES :]
        if len(tail) == period * LOOP_COPIES and tail[period:] == tail[:-period]:
            return period
    return None


def read_vocabulary(path: Path) -> list[bytes]:
    """Read `tokenizer.bin`: byte strings, each after its length (128 and more in two bytes, low part first).

    Raises VoiceAgentError if it is missing or incomplete.
    """
    if not path.is_file():
        raise VoiceAgentError(f"Model file {path} is missing. Fetch it: voiceagent weights pull")
    data = path.read_bytes()
    words: list[bytes] = []
    at = 0
    while at < len(data):
        length = data[at]
        at += 1
        if length >= 128:
            length = length - 128 + 128 * int.from_bytes(data[at : at + 1])
            at += 1
        words.append(data[at : at + length])
        at += length
    if len(words) != VOCABULARY or at != len(data):
        raise VoiceAgentError(
            f"Model file {path} is damaged ({len(words)} of {VOCABULARY} tokens). "
            "Check it: voiceagent weights verify; fetch it again: voiceagent weights pull"
        )
    return words
