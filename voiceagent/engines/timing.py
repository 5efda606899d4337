"""How long scripted steps take: slept through when live, charged to a virtual clock in a simulation."""

from dataclasses import dataclass, fields

from voiceagent.engines.contract import CostKey


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that one step takes, by the name in its cost key, whatever its size: `asr.final` is `asr_final_s`.

    The defaults are those of small models on two CPU cores, rounded.
    """

    asr_partial_s: float = 0.05
    asr_final_s: float = 0.1
    llm_prefill_s: float = 0.06
    llm_decode_s: float = 0.015
    tts_segment_s: float = 0.03
    turn_predict_s: float = 0.06
    vad_frame_s: float = 0.0003

    def cost_s(self, cost_key: CostKey) -> float:
        """Return the seconds a step with this key takes. Raises KeyError for a name that is not scripted."""
        names = {field.name.removesuffix("_s").replace("_", "."): field.name for field in fields(self)}
        seconds: float = getattr(self, names[cost_key[0]])
        return seconds


SMALL_CPU = Timing()
