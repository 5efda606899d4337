"""A caller who goes on elsewhere when the server says that it ends, as the page does, and who typed and heard what."""

from voiceagent.testing.webrtc.caller import Caller

PATIENCE_S = 60.0
PLACE = ("generation", "segment", "word")


class MovingCaller:
    """One conversation over as many connections as it takes. Close it when done."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._caller = Caller(url)
        self.moves: list[bool] = []
        """Of each move, whether the same conversation went on."""
        self.remembered: list[tuple[str, str]] = []
        """What the server showed of the conversation after the last move: who, and what."""

    @property
    def server(self) -> str:
        """The name of the server that the call is at."""
        return self._caller.pc_id.partition(".")[0]

    async def open(self) -> None:
        """Call, and hear the greeting out."""
        await self._caller.__aenter__()
        await self._ended(0)

    async def close(self) -> None:
        """Hang up."""
        await self._caller.__aexit__(None, None, None)

    async def ask(self, question: str) -> str:
        """Type a question, and return all that is heard in answer to it, wherever it is heard."""
        heard: list[str] = []
        mark = self._type(question)
        while not await self._ended(mark):
            heard += self._heard(mark)
            await self.move()
            mark = 0 if ("user", question) in self.remembered else self._type(question)
        again = self._heard(mark)
        whole = heard[:-1] if heard and heard[-1:] == again[:1] else heard  # the word that was cut is said again
        return " ".join(whole + again)

    async def move(self) -> None:
        """Leave the server that has said good-bye, and go on with the conversation."""
        claim = {"token": self._caller.last("session").payload["resume"]["token"]}
        if (word := self._caller.last("agent.word")) is not None:
            claim |= {name: word.payload[name] for name in PLACE}
        await self.close()
        self._caller = Caller(self._url, resume=claim)
        await self._caller.__aenter__()
        self.moves.append(self._caller.last("session").payload["resumed"])
        shown = await self._caller.until(lambda: self._caller.last("history"), PATIENCE_S, "what was said")
        self.remembered = [(item["role"], item["text"]) for item in shown.payload["items"]]

    async def until_told_to_leave(self) -> None:
        """Wait for the server's good-bye."""
        said = await self._caller.until(lambda: self._caller.last("bye"), PATIENCE_S, "a good-bye")
        assert said.payload["reason"] == "restart"

    def _type(self, text: str) -> int:
        mark = len(self._caller.messages)
        self._caller.send({"type": "text", "text": text})
        return mark

    async def _ended(self, mark: int) -> bool:
        """Wait for the end of an answer, or a good-bye; return whether it is the former."""
        caller = self._caller
        await caller.until(
            lambda: caller.since(mark, "agent.end") or caller.last("bye"), PATIENCE_S, "the end of an answer"
        )
        return bool(caller.since(mark, "agent.end"))

    def _heard(self, mark: int) -> list[str]:
        """Return the words that the server told of as heard."""
        words: dict[tuple[int, int], list[str]] = {}
        heard = []
        for message in (received.payload for received in self._caller.messages[mark:]):
            if message["type"] == "agent.segment":
                words[message["generation"], message["segment"]] = message["words"]
            elif message["type"] == "agent.word":
                heard.append(words[message["generation"], message["segment"]][message["word"]])
        return heard
