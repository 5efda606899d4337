"""From a caller's RTP packets to 16 kHz audio for speech recognition: jitter buffer and decoder combined.

A timeline of RTP timestamps gives what is due. Where a packet was lost, its audio comes from the packet after it
(in-band FEC), else it is concealed. Where timestamps jump although nothing was lost, the sender was silent and
sent nothing (DTX), and silence it becomes, as long as the jump.

A sender that falls silent altogether (muted with DTX, or a dead network) looks the same as a stalled one until
its next packet comes. After `QUIET_AFTER_S` without a packet the silence is therefore fed in as time passes, so
that a speaker who vanishes in mid-word still gets an end of turn. What was fed counts as paid when the next
timestamp shows a jump. When it shows none (the packets were only delayed) their audio is all delivered, after the
silence: recognition can do with a pause that was not there, not with words that are missing. None of this delays
anything; it lengthens the stream, so a reader must not take its count of samples for a clock.

No sender gets more attention than a second of audio a second, plus `BURST_S` to catch up after a stall.
"""

from dataclasses import dataclass

import numpy as np

from voiceagent.audio.decoder import Decoder
from voiceagent.audio.jitter import Frame, JitterBuffer, Lost
from voiceagent.audio.opus import OpusDecoder
from voiceagent.audio.pcm import AudioError, Pcm

RATE = 16_000
"""Hz of everything that comes out: what VAD, turn detection and ASR listen at."""

QUIET_AFTER_S = 0.2
"""More than networks stall, and no more than the silence that ends a turn; fed at once when it has passed."""

FILL_STEP_S = 0.06
"""Then silence follows in steps of this: two VAD frames, and only 17 wake-ups a second."""

CONCEAL_S = 0.06
"""Made-up sound that still helps recognition; a longer loss goes on as silence."""

LONGEST_SILENCE_S = 1.0
"""A longer pause adds no information for a listener, and a timestamp can claim hours."""

BURST_S = 10.0
"""What a sender may deliver at once after its network stalled."""

_ORDINARY_PACKET = RATE // 50
_CREDIT_PER_SECOND = 1.05
"""A little more than real time: clocks differ, and a filled stall is heard twice, as silence and as speech."""


@dataclass(frozen=True, slots=True)
class ReceiveStats:
    """The network's effect on one caller so far."""

    received: int
    """Packets that were of use."""
    lost: int
    """Packets given up."""
    late: int
    """Packets that came after they had been given up; counted among `lost`, too."""
    fec_recovered: int
    """Lost packets whose audio came out of the next one."""
    concealed: int
    """Samples made up."""
    corrupt: int
    """Packets that could not be decoded; their time is concealed."""
    refused: int
    """Packets beyond real time."""
    lag_ms: float
    """How long the packets that came out last had waited here; the longest of them."""
    wait_ms: float
    """The current wait for a missing packet."""


class AudioReceiver:
    """One caller's incoming audio. Push packets as they come, and poll after each and at `next_poll_s`."""

    def __init__(self) -> None:
        self._jitter = JitterBuffer()
        self._decoder: Decoder = OpusDecoder(RATE)
        self._received = self._fec_recovered = self._concealed = self._corrupt = self._refused = 0
        self._lag_s = 0.0
        self._credit_s = BURST_S
        self._polled_s: float | None = None
        self._forget_timeline()

    def _forget_timeline(self) -> None:
        self._due: int | None = None  # timestamp of the next sample
        self._packet = _ORDINARY_PACKET  # samples in the last packet
        self._heard_s: float | None = None  # when a packet of use last came
        self._filled = 0  # samples of silence fed since then

    def reset(self, decoder: Decoder | None = None) -> None:
        """Another stream begins (a new SSRC, or another codec, whose decoder this is): its numbers have nothing to do
        with the ones so far.
        """
        self._decoder = decoder or self._decoder
        self._jitter.reset()
        self._forget_timeline()

    def push_packet(self, sequence_number: int, timestamp: int, payload: bytes, arrival_s: float) -> None:
        """Take a packet with its RTP sequence number and timestamp. Nothing in it can raise."""
        if self._jitter.add(sequence_number, timestamp, payload, arrival_s):
            self._received += 1
            self._heard_s = arrival_s

    def poll(self, now_s: float) -> list[Pcm]:
        """Return the audio that is ready, in order: chunks of any length at 16 kHz."""
        self._earn(now_s)
        chunks: list[Pcm] = []
        waited_s: list[float] = []
        while (item := self._jitter.pop(now_s)) is not None:
            if isinstance(item, Lost):
                chunks += self._bridge(item.following, item.packets)
            else:
                chunks += self._play(item)
                waited_s.append(now_s - item.arrival_s)
        if waited_s:
            self._lag_s = max(waited_s)
        chunks += self._fill(now_s)
        return [chunk for chunk in chunks if len(chunk)]

    @property
    def next_poll_s(self) -> float | None:
        """When `poll` will next return something even if no packet comes; None before the first packet."""
        if (deadline := self._jitter.next_deadline_s) is not None:
            return deadline
        if self._heard_s is None:
            return None
        return self._heard_s + max(QUIET_AFTER_S, self._filled / RATE + FILL_STEP_S)

    @property
    def stats(self) -> ReceiveStats:
        """The current counters."""
        return ReceiveStats(
            received=self._received,
            lost=self._jitter.lost,
            late=self._jitter.late,
            fec_recovered=self._fec_recovered,
            concealed=self._concealed,
            corrupt=self._corrupt,
            refused=self._refused,
            lag_ms=self._lag_s * 1000,
            wait_ms=self._jitter.wait_s * 1000,
        )

    def _play(self, frame: Frame) -> list[Pcm]:
        if frame.first:
            self._due = None
        chunks = self._bridge(frame, lost=0)
        try:
            pcm = self._decoder.decode(frame.payload)
            self._packet = len(pcm)
        except AudioError:
            self._corrupt += 1
            pcm = self._conceal(self._packet)
        self._due = frame.timestamp + len(pcm) * self._decoder.clock // RATE
        if not self._afford(len(pcm)):
            self._refused += 1
            return chunks
        return [*chunks, pcm]

    def _bridge(self, following: Frame, lost: int) -> list[Pcm]:
        """Return what belongs between the last audio and `following`; `lost` packets were sent in between."""
        missing = 0 if self._due is None else max(0, following.timestamp - self._due) * RATE // self._decoder.clock
        if missing == self._filled == 0:
            self._due = following.timestamp
            return []
        unpaid = max(0, missing - self._filled)
        spoken = min(unpaid, lost * self._packet)
        recoverable = self._decoder.fec_samples(following.payload)
        recovered = recoverable if 0 < recoverable <= spoken else 0
        # Sound that continues the last one has no place after silence.
        made_up = 0 if self._filled else min(spoken - recovered, round(CONCEAL_S * RATE))
        silent = min(unpaid - recovered - made_up, round(LONGEST_SILENCE_S * RATE))
        self._due, self._filled = following.timestamp, 0
        if unpaid == 0 or not self._afford(made_up + silent + recovered):
            return []
        before = [self._conceal(made_up), np.zeros(silent, np.float32)]
        return [*before, self._recover(following.payload, recovered)]

    def _recover(self, next_payload: bytes, samples: int) -> Pcm:
        if samples == 0:
            return np.zeros(0, np.float32)
        try:
            pcm = self._decoder.decode_fec(next_payload, samples)
        except AudioError:
            return self._conceal(samples)
        self._fec_recovered += 1
        return pcm

    def _conceal(self, samples: int) -> Pcm:
        if samples == 0:
            return np.zeros(0, np.float32)
        self._concealed += samples
        return self._decoder.conceal(samples)

    def _fill(self, now_s: float) -> list[Pcm]:
        """Return the silence of a sender that has sent nothing for long enough."""
        due_s = self.next_poll_s
        if self._heard_s is None or due_s is None or now_s < due_s:
            return []
        silent = round((now_s - self._heard_s) * RATE) - self._filled
        self._filled += silent
        return [np.zeros(min(silent, round(LONGEST_SILENCE_S * RATE)), np.float32)]

    def _earn(self, now_s: float) -> None:
        if self._polled_s is not None:
            earned_s = max(0.0, now_s - self._polled_s) * _CREDIT_PER_SECOND
            self._credit_s = min(BURST_S, self._credit_s + earned_s)
        self._polled_s = now_s

    def _afford(self, samples: int) -> bool:
        if samples > self._credit_s * RATE:
            return False
        self._credit_s -= samples / RATE
        return True
