"""What is kept in a file outlives the process, is nobody else's, and is gone when it is over."""

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest

from voiceagent.engines.llm.contract import Message
from voiceagent.errors import VoiceAgentError
from voiceagent.session.items import Item, Past
from voiceagent.session.snapshot import Snapshot
from voiceagent.session.sqlite_store import SqliteStore

TOKEN = "the-token-of-a-caller"
SECRET = "the deepest secret of the fox"
KEPT = Snapshot("a-session", Past((Item("turn_1", (Message("user", SECRET),)),)), 2, 1)


def held(scene, path):
    """Run a scene with a store of a file that is closed at the end."""

    async def main():
        store = SqliteStore(path, 30)
        try:
            await scene(store)
        finally:
            store.close()

    asyncio.run(main())


def on_disk(path):
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


async def written(store):
    """Wait until what was asked for so far has been done."""
    await store.take("no-such-token")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kept" / "conversations.sqlite"


@pytest.mark.parametrize("put", [SqliteStore.keep, SqliteStore.save], ids=["left", "still connected"])
def test_what_a_process_kept_that_was_killed_is_there_for_the_next(path, put):
    async def main():
        killed = SqliteStore(path, 30)
        put(killed, TOKEN, KEPT)
        await written(killed)
        after = SqliteStore(path, 30)
        assert await after.take(TOKEN) == KEPT
        assert await after.take(TOKEN) is None
        killed.close()
        after.close()

    asyncio.run(main())


def test_the_latest_state_is_kept(path):
    async def scene(store):
        for turn in range(50):
            store.save(TOKEN, Snapshot("a-session", Past(), turn, 0))
        taken = await store.take(TOKEN)
        assert taken.turn == 49

    held(scene, path)


@pytest.mark.parametrize("end", ["forgotten", "taken", "expired"])
def test_nothing_of_the_text_is_left_on_disk_when_it_is_over(path, end, monkeypatch):
    async def scene(store):
        store.save(TOKEN, KEPT)
        store.keep(TOKEN, KEPT)
        await written(store)
        assert SECRET.encode() in on_disk(path)
        if end == "forgotten":
            store.forget(TOKEN)
        elif end == "taken":
            await store.take(TOKEN)
        else:
            now = time.time()
            monkeypatch.setattr(time, "time", lambda: now + 31)
            store._look()
        await written(store)
        assert SECRET.encode() not in on_disk(path)

    held(scene, path)


def test_a_caller_who_is_connected_does_not_expire(path, monkeypatch):
    async def scene(store):
        store.save(TOKEN, KEPT)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 3600)
        store._look()
        assert await store.take(TOKEN) == KEPT

    held(scene, path)


def test_a_process_that_starts_leaves_the_callers_of_another_their_rows(path, monkeypatch):
    async def scene(store):
        store.save(TOKEN, KEPT)
        await written(store)
        restarted = SqliteStore(path, 30)
        now = time.time()
        for later in range(5, 120, 5):
            monkeypatch.setattr(time, "time", lambda at=now + later: at)
            store._look()
            await written(store)
            restarted._look()
        assert await restarted.take(TOKEN) == KEPT
        restarted.close()

    held(scene, path)


def test_of_a_process_that_was_killed_the_rows_expire_when_another_has_noticed(path, monkeypatch):
    async def main():
        killed = SqliteStore(path, 30)
        killed.save(TOKEN, KEPT)
        await written(killed)
        killed._timer.cancel()
        other = SqliteStore(path, 30)
        now = time.time()
        for later, there in ((5, 1), (21, 1), (50, 1), (52, 0)):
            monkeypatch.setattr(time, "time", lambda at=now + later: at)
            other._look()
            await written(other)
            assert (SECRET.encode() in on_disk(path)) == there, later
        killed.close()
        other.close()

    asyncio.run(main())


def test_the_file_is_its_owners_and_has_no_token_in_it(path):
    async def scene(store):
        store.keep(TOKEN, KEPT)
        await written(store)
        assert path.stat().st_mode & 0o077 == 0
        assert path.parent.stat().st_mode & 0o077 == 0
        assert TOKEN.encode() not in on_disk(path)

    held(scene, path)


def test_a_disk_that_refuses_is_logged_once_and_memory_serves(path, caplog):
    async def scene(store):
        store._db.execute("PRAGMA query_only = ON")
        for _ in range(5):
            store.save(TOKEN, KEPT)
            await written(store)
        store.keep(TOKEN, KEPT)
        assert await store.take(TOKEN) == KEPT
        (complaint,) = [record for record in caplog.records if record.levelname == "ERROR"]
        assert "only kept in memory" in complaint.message

    held(scene, path)


def test_what_cannot_be_read_is_left_out(path):
    async def scene(store):
        store.keep(TOKEN, KEPT)
        await written(store)
        store._memory.forget(TOKEN)
        with sqlite3.connect(path) as other:
            other.execute("UPDATE conversations SET snapshot = '{}'")
        other.close()
        assert await store.take(TOKEN) is None

    held(scene, path)


@pytest.mark.parametrize("content", [b"no database at all, but a text that is long enough", None])
def test_a_file_that_cannot_be_used_is_named(tmp_path, content):
    file = tmp_path if content is None else tmp_path / "file"
    if content is not None:
        Path(file).write_bytes(content * 100)

    async def main():
        with pytest.raises(VoiceAgentError, match=r"session\.store: .* cannot be used"):
            SqliteStore(file, 30)

    asyncio.run(main())
