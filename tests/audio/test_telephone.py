"""G.711 and G.722: what goes in comes out, at the right pitch and level, lost packets included."""

import numpy as np
import pytest

from voiceagent.audio.pcm import AudioError
from voiceagent.audio.receive import AudioReceiver
from voiceagent.audio.telephone import TELEPHONE_CLOCK, TELEPHONE_RATES, TelephoneDecoder, TelephoneEncoder

RATE = 16_000
PITCH_HZ = 150
CODECS = list(TELEPHONE_RATES)


def voice(seconds, rate):
    """Pulses of a voice: a fundamental and what is above it, up to 2.9 kHz."""
    at = np.arange(round(seconds * rate)) / rate
    parts = [np.sin(2 * np.pi * PITCH_HZ * harmonic * at) / harmonic for harmonic in (1, 2, 3, 7, 19)]
    return (0.25 * np.sum(parts, axis=0)).astype(np.float32)


def packets(codec, seconds=1.0):
    rate = TELEPHONE_RATES[codec]
    encoder = TelephoneEncoder(codec)
    assert encoder.rate == rate
    return [encoder.encode(frame) for frame in voice(seconds, rate).reshape(-1, rate // 50)]


def snr_db(pcm, wanted, most_lag=60):
    """Return the signal-to-noise ratio at the best of the possible delays."""
    inside = slice(1_000, len(wanted) - 1_000)
    noises = [np.mean((wanted[inside] - np.roll(pcm, -lag)[inside]) ** 2) for lag in range(most_lag)]
    return 10 * np.log10(np.mean(wanted[inside] ** 2) / min(noises))


@pytest.mark.parametrize("codec", CODECS)
def test_a_voice_comes_out_as_it_went_in(codec):
    sent = packets(codec)
    assert {len(packet) for packet in sent} == {160}
    decoder = TelephoneDecoder(codec)
    heard = [decoder.decode(packet) for packet in sent]
    assert {len(pcm) for pcm in heard} == {320}
    assert snr_db(np.concatenate(heard), voice(1.0, RATE)) > 25


def test_the_two_laws_are_not_taken_for_each_other():
    decoder = TelephoneDecoder("PCMA")
    heard = np.concatenate([decoder.decode(packet) for packet in packets("PCMU")])
    assert snr_db(heard, voice(1.0, RATE)) < 5


@pytest.mark.parametrize("codec", CODECS)
def test_a_lost_packet_sounds_like_the_voice_before_it_and_a_longer_loss_dies_away(codec):
    decoder = TelephoneDecoder(codec)
    for packet in packets(codec):
        decoder.decode(packet)
    made_up = decoder.conceal(320)
    period = RATE / PITCH_HZ
    shift = round(2 * period)
    likeness = np.corrcoef(made_up[:-shift], made_up[shift:])[0, 1]
    assert likeness > 0.9
    assert np.abs(made_up).max() > 0.2
    decoder.conceal(640)
    assert np.abs(decoder.conceal(320)).max() == 0
    decoder.decode(packets(codec)[0])
    assert np.abs(decoder.conceal(160)).max() > 0, "a packet in between begins again"


@pytest.mark.parametrize("codec", CODECS)
def test_it_restores_nothing_from_the_next_packet(codec):
    decoder = TelephoneDecoder(codec)
    assert decoder.fec_samples(bytes(160)) == 0
    assert len(decoder.decode_fec(bytes(160), 320)) == 320
    with pytest.raises(AudioError):
        decoder.decode(b"")


@pytest.mark.parametrize("codec", CODECS)
def test_a_receiver_keeps_its_time_over_losses_pauses_and_a_change_of_codec(codec):
    receiver = AudioReceiver()
    receiver.reset(TelephoneDecoder(codec))
    heard = 0
    lost = {7, 20}
    sent = packets(codec)
    for number, packet in enumerate(sent):
        if number not in lost:
            receiver.push_packet(number, number * 160, packet, number * 0.02)
        heard += sum(map(len, receiver.poll(number * 0.02)))
    assert heard == len(sent) * RATE // 50
    assert receiver.stats.lost == len(lost)
    assert receiver.stats.concealed == len(lost) * RATE // 50
    assert receiver.stats.corrupt == 0
    pause = TELEPHONE_CLOCK // 10  # nothing was lost: the sender was silent
    receiver.push_packet(len(sent), len(sent) * 160 + pause, sent[0], 1.02)
    assert sum(map(len, receiver.poll(1.02))) == RATE // 50 + RATE // 10
