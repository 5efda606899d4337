import ctypes.util
import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.audio import opus
from voiceagent.audio.opus import OpusDecoder, OpusEncoder, has_fec, packet_samples
from voiceagent.audio.pcm import AudioError


def encoded(pcm: np.ndarray, rate: int = 16_000, packet_ms: int = 20, **settings: object) -> list[bytes]:
    encoder = OpusEncoder(rate, **settings)  # type: ignore[arg-type]
    step = rate * packet_ms // 1000
    return [encoder.encode(pcm[at : at + step]) for at in range(0, len(pcm) - step + 1, step)]


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """The highest correlation within the codec's delay of up to 10 ms."""
    length = min(len(one), len(other)) - 200
    return max(float(np.corrcoef(one[lag : lag + length], other[:length])[0, 1]) for lag in range(160))


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
@pytest.mark.parametrize("packet_ms", [10, 20, 40, 60])
def test_speech_of_any_rate_comes_out_at_16_khz(voice, rate: int, packet_ms: int) -> None:
    packets = encoded(voice(1.2, rate), rate, packet_ms)
    decoder = OpusDecoder()
    decoded = np.concatenate([decoder.decode(packet) for packet in packets])
    assert len(decoded) == 19_200
    assert decoded.dtype == np.float32
    assert likeness(decoded, voice(1.2)) > 0.9
    assert {packet_samples(packet) for packet in packets} == {48 * packet_ms}


def test_the_bit_rate_is_kept(voice) -> None:
    slow, fast = (sum(map(len, encoded(voice(1.0), bitrate=rate))) * 8 for rate in (16_000, 48_000))
    assert slow < 20_000 < fast < 52_000


def test_fec_restores_a_lost_packet_better_than_guessing(voice) -> None:
    packets = encoded(voice(1.0), packet_loss_percent=10)
    lost = next(i for i in range(20, 45) if has_fec(packets[i + 1]) and len(packets[i]) > 40)
    whole, with_fec, without = OpusDecoder(), OpusDecoder(), OpusDecoder()
    for packet in packets[:lost]:
        whole.decode(packet), with_fec.decode(packet), without.decode(packet)
    original = whole.decode(packets[lost])
    recovered = with_fec.decode_fec(packets[lost + 1], 320)
    concealed = without.conceal(320)
    assert len(recovered) == len(concealed) == 320
    assert np.corrcoef(recovered, original)[0, 1] > 0.9
    assert np.square(recovered - original).sum() < np.square(concealed - original).sum()


def test_fec_is_there_only_when_it_was_asked_for(voice) -> None:
    for packet_ms in (20, 40, 60):
        packets = encoded(voice(1.2), packet_ms=packet_ms, packet_loss_percent=10)
        assert np.mean([has_fec(packet) for packet in packets]) > 0.5
    assert not any(has_fec(packet) for packet in encoded(voice(1.0), fec=False))
    assert not any(has_fec(packet) for packet in (b"", b"\x08", b"\xff\xff\xff", b"\xf8ab"))


def test_concealment_continues_the_sound_and_dies_away(voice) -> None:
    decoder = OpusDecoder()
    for packet in encoded(0.2 * np.sign(voice(0.36))):
        last = decoder.decode(packet)
    made_up = [decoder.conceal(320) for _ in range(20)]
    assert np.square(made_up[0]).mean() > np.square(last).mean() / 10
    assert np.square(made_up[-1]).mean() < np.square(made_up[0]).mean() / 100


def test_concealment_makes_any_number_of_samples() -> None:
    assert [len(OpusDecoder().conceal(samples)) for samples in (1, 39, 40, 321, 6400)] == [1, 39, 40, 321, 6400]


@pytest.mark.parametrize("payload", [b"", b"\xff", b"\x03\xff", b"\x0b\xff" + b"a" * 9])
def test_a_corrupt_packet_is_refused_and_the_decoder_goes_on(voice, payload: bytes) -> None:
    packets = encoded(voice(0.5))
    decoder, undisturbed = OpusDecoder(), OpusDecoder()
    for packet in packets:
        with pytest.raises(AudioError, match="Opus"):
            decoder.decode(payload)
        assert np.array_equal(decoder.decode(packet), undisturbed.decode(packet))


@given(st.lists(st.binary(max_size=80), max_size=5))
def test_garbage_gives_an_error_or_finite_audio(payloads: list[bytes]) -> None:
    decoder = OpusDecoder()
    for payload in payloads:
        for attempt in (lambda: decoder.decode(payload), lambda: decoder.decode_fec(payload, 320)):  # noqa: B023
            try:
                pcm = attempt()
            except AudioError:
                continue
            assert np.abs(pcm).max() <= 1.0
        has_fec(payload)


def test_audio_of_an_odd_length_or_with_nan_is_not_encoded() -> None:
    encoder = OpusEncoder(16_000)
    with pytest.raises(AudioError, match="encode 100 samples at 16000 Hz"):
        encoder.encode(np.zeros(100, np.float32))
    with pytest.raises(AudioError, match="NaN"):
        encoder.encode(np.full(320, np.nan, np.float32))
    assert len(encoder.encode(np.zeros(320, np.float32))) > 0


def test_rates_and_settings_that_opus_does_not_have_are_refused() -> None:
    with pytest.raises(AudioError, match="does not work at 22050 Hz; resample to one of 8000"):
        OpusEncoder(22_050)
    with pytest.raises(AudioError, match="44100"):
        OpusDecoder(44_100)
    with pytest.raises(AudioError, match="packet_loss_percent=500"):
        OpusEncoder(16_000, packet_loss_percent=500)


def test_a_machine_without_libopus_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    with pytest.raises(AudioError, match="pip install av"):
        opus._library.__wrapped__()


def test_a_library_that_does_not_load_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = opus._candidates()[0]
    monkeypatch.setattr(opus, "_candidates", lambda: ["/no/such/libopus.so", bundled])
    assert opus._library.__wrapped__().opus_strerror(0) == b"success"


def test_the_systems_library_comes_after_the_one_in_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: "libopus.so.0")
    assert opus._candidates()[-1] == "libopus.so.0"
    assert len(opus._candidates()) > 1
