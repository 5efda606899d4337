"""Holds one conversation: has the user do what the scenario says, when it says so. Judges nothing."""

from collections.abc import Callable

from voiceagent.errors import VoiceAgentError
from voiceagent.evals.caller import User, live_response
from voiceagent.evals.record import Did, Response
from voiceagent.evals.scenario import CutIn, Scenario, Turn
from voiceagent.evals.utterance import Utterances

FRAME_S = 0.02
PATIENCE_S = 90.0
"""An agent that has not begun, or finished, by then will not."""
SETTLE_S = 0.1
"""How long it must have been quiet before the next turn."""


async def hold(scenario: Scenario, user: User, utterances: Utterances) -> None:
    """Play a scenario to its end; what goes wrong on the way is the record's `trouble`."""
    record = user.record
    try:
        if scenario.begins == "agent":
            await _until(user, lambda: live_response(record) is not None, "begun to speak")
        for index, turn in enumerate(scenario.turns):
            then = scenario.turns[index + 1] if index + 1 < len(scenario.turns) else None
            await _approach(turn, user, utterances, first=index == 0, begins=scenario.begins)
            record.turns.append(0.0 if index == 0 and not turn.acts else user.now)
            await _act(turn, user, utterances, index)
            if then is None or (then.cut_in is None and then.after_ms is None):
                await _until(user, lambda: user.at_rest, "finished")
            quiet_ms = max([turn.listen_ms, *(one.within_ms or 1000 for one in turn.expect if one.absent)])
            await user.listen(quiet_ms / 1000)
    except VoiceAgentError as error:
        record.trouble = record.trouble or str(error)
    await user.finish()


async def _approach(turn: Turn, user: User, utterances: Utterances, *, first: bool, begins: str | None) -> None:
    """Wait for the moment at which the turn begins."""
    if turn.after_ms is not None:
        last = max((one.end for one in user.record.of(Did)), default=0.0)
        await user.listen(max(0.0, last + utterances.seconds(turn.after_ms) - user.now))
    elif turn.cut_in is not None:
        await _until(user, lambda: _deep_enough(turn.cut_in, user), "said that much")
        if live_response(user.record) is None:
            raise VoiceAgentError("The agent had finished before the user cut in: cut in sooner, or let it say more.")
    elif turn.acts and not (first and begins == "user"):
        await _until(user, lambda: user.at_rest, "finished")
        await user.listen(SETTLE_S)


def _deep_enough(cut_in: CutIn | None, user: User) -> bool:
    assert cut_in is not None
    response = live_response(user.record)
    if response is None:
        newest = max((one.at for one in user.record.of(Response)), default=-1.0)
        asked = max((one.at for one in user.record.of(Did)), default=0.0)
        return newest >= asked and user.at_rest  # it is over: no use waiting
    if cut_in.words is not None:
        return response.heard >= cut_in.words
    heard = user.record.first_sound(response.at)
    return heard is not None and user.now >= heard + (cut_in.after_ms or 0) / 1000


async def _act(turn: Turn, user: User, utterances: Utterances, index: int) -> None:
    if turn.language is not None:
        user.speaks_language(turn.language)
    if not turn.acts:
        return
    spoken = not (turn.types or turn.keys)
    pieces = utterances.of(turn) if spoken else []
    text = turn.types or turn.keys or turn.sound or " ".join(piece.text for piece in pieces if piece.text)
    manner = "types" if turn.types else "presses" if turn.keys else "coughs" if turn.sound else "says"
    did = Did(user.now, manner, text, index)
    user.record.events.append(did)
    if turn.types:
        user.types(turn.types)
    elif turn.keys:
        user.presses(turn.keys)
        await user.listen(FRAME_S)
    else:
        await user.say(pieces)
    did.end = user.now


async def _until(user: User, condition: Callable[[], bool], what: str) -> None:
    give_up_at = user.now + PATIENCE_S
    while not condition():
        if user.now > give_up_at:
            raise VoiceAgentError(f"The agent has not {what} within {PATIENCE_S:g} s.")
        await user.listen(FRAME_S)
