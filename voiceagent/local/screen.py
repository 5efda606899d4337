"""The terminal's picture of a conversation, drawn by rich from its transcript and status. No state, no terminal."""

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from voiceagent.local.echo import EchoState
from voiceagent.local.status import Status
from voiceagent.local.transcript import AgentEntry, Entry, Note, Transcript, UserEntry
from voiceagent.session.events import Outcome

QUIETEST_DB, LOUDEST_DB = -60.0, -6.0
METER = 12
"""Characters."""
NAME = 7
"""Characters of the column of names."""
CHROME = 4
"""Lines that are not the transcript."""
FLOORS = {
    "user": ("you speak", "green"),
    "agent": ("it speaks", "cyan"),
    "thinking": ("it thinks", "yellow"),
    "none": ("listening", "dim"),
}
ECHO = {
    EchoState.OFF: ("echo not cancelled", "dim"),
    EchoState.IDLE: ("echo: not heard yet", "dim"),
    EchoState.LEARNING: ("echo: learning the room", "yellow"),
    EchoState.READY: ("echo cancelled", "green"),
}
HELP = "space {space} · enter type · esc silence it · q quit"


class Screen:
    """The whole screen; `typed` is the line being typed, None while nobody types."""

    def __init__(
        self,
        title: str,
        transcript: Transcript,
        status: Status,
        typed: str | None = None,
        *,
        push_to_talk: bool = False,
    ) -> None:
        self._title, self._transcript, self._status = title, transcript, status
        self._typed, self._push_to_talk = typed, push_to_talk

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield as many lines as the terminal has: the title, the newest of the transcript, the meters, the help."""
        width, height = options.max_width, options.height or console.height
        room = max(1, height - CHROME)
        lines = [
            line
            for entry in self._transcript.entries[-room:]
            for line in console.render_lines(_entry(entry), options.update(height=None), pad=True)
        ][-room:]
        yield self._head()
        yield Text("─" * width, "dim")
        for line in lines:
            yield from line
            yield Segment.line()
        yield from [Text("")] * (room - len(lines))
        yield self._foot()
        yield self._bottom()

    def _head(self) -> Table:
        words, style = FLOORS.get(self._transcript.floor, FLOORS["none"])
        if self._status.asleep:
            words, style = "asleep: say the wake word", "dim"
        head = Table.grid(expand=True)
        head.add_column()
        head.add_column(justify="right")
        head.add_row(Text(self._title, "bold", no_wrap=True), Text(f"● {words}", style))
        return head

    def _foot(self) -> Table:
        status, muted = self._status, self._status.muted
        echo, style = ECHO[status.echo]
        if status.echo is EchoState.READY and status.erle_db is not None:
            echo += f" ({status.erle_db:.0f} dB)"
        gaps = status.counts.gaps + status.counts.overruns
        foot = Table.grid(expand=True, padding=(0, 2, 0, 0))
        foot.add_column(no_wrap=True)
        foot.add_column(no_wrap=True)
        foot.add_column(no_wrap=True)
        foot.add_column(no_wrap=True, justify="right", ratio=1)
        you = Text("you    ", "bold green") + (Text("muted".ljust(METER), "red") if muted else _meter(status.user_db))
        foot.add_row(
            you,
            Text("agent  ", "bold cyan") + _meter(status.agent_db),
            Text(echo, style),
            Text(f"{gaps} gap{'' if gaps == 1 else 's'} · {1000 * status.delay_s:.0f} ms", "red" if gaps else "dim"),
        )
        return foot

    def _bottom(self) -> Text:
        if self._typed is not None:
            return Text(f"> {self._typed}▏", "bold", no_wrap=True, end="")
        if self._status.trouble:
            return Text(self._status.trouble, "bold yellow", no_wrap=True, overflow="ellipsis", end="")
        space = "talk, and again when done" if self._push_to_talk else "unmute" if self._status.muted else "mute"
        return Text(HELP.format(space=space), "dim", no_wrap=True, overflow="ellipsis", end="")


def _meter(level_db: float) -> Text:
    share = (level_db - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB)
    full = round(METER * min(1.0, max(0.0, share)))
    return Text("━" * full, "yellow" if full == METER else "green") + Text("━" * (METER - full), "bright_black")


def _entry(entry: Entry) -> Table:
    row = Table.grid(expand=True, padding=(0, 1, 0, 0))
    row.add_column(width=NAME)
    row.add_column(ratio=1)
    row.add_column(justify="right", no_wrap=True)
    match entry:
        case UserEntry(_, text, aside=True):
            row.add_row(Text("you", "green"), Text(f"{text} (set aside)", "dim"), "")
        case UserEntry(_, text, final):
            row.add_row(Text("you", "bold green"), Text(text, "" if final else "italic dim"), "")
        case AgentEntry():
            took = "" if entry.answered_ms is None else f"{entry.answered_ms / 1000:.2f} s"
            row.add_row(Text("agent", "bold cyan"), _spoken(entry), Text(took, "dim"))
        case Note(text):
            row.add_row(Text("·", "yellow"), Text(text, "yellow"), "")
    return row


def _spoken(entry: AgentEntry) -> Text:
    """Return a response: words that were heard, words to come, and words that never will be."""
    words, over = entry.words, entry.outcome not in (None, Outcome.COMPLETED)
    heard, rest = " ".join(words[: entry.heard]), " ".join(words[entry.heard :])
    return Text(f"{heard} " if heard and rest else heard) + Text(rest, "strike dim" if over else "dim")
