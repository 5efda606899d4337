"""Conversations kept in an SQLite file, so that they outlive the process, whatever ends it.

Written with Python's own `sqlite3` on one thread of its own: the event loop never waits for the disk. A row is replaced
as the conversation goes on, and deleted, its text overwritten, when the caller hangs up or does not come back. The file
is readable by its owner alone; tokens are in it as hashes. Several processes of one machine may share a file: whichever
a caller comes back to takes the row. Each renews the rows of its own callers; those that nobody renews are of a process
that was killed.
"""

import asyncio
import json
import logging
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from voiceagent.errors import VoiceAgentError
from voiceagent.session.snapshot import Snapshot, dumps, loads
from voiceagent.session.store import MemoryStore

log = logging.getLogger(__name__)

BUSY_S = 5.0
"""How long another process may hold the file."""
RENEW_S = 5.0
"""How often a process says which callers it has."""
GONE_S = 4 * RENEW_S
"""A process that has not said so for this long is taken to be killed."""
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS conversations
    (token TEXT PRIMARY KEY, at REAL NOT NULL, connected INTEGER NOT NULL, snapshot BLOB NOT NULL)
"""
_SAVE = "INSERT OR REPLACE INTO conversations VALUES (?, ?, ?, ?)"
_TAKE = "DELETE FROM conversations WHERE token = ? RETURNING snapshot"
_EXPIRE = "DELETE FROM conversations WHERE at < ? AND NOT connected"
_RENEW = "UPDATE conversations SET at = ?, connected = 1 WHERE token IN (SELECT value FROM json_each(?))"
_ORPHANED = "UPDATE conversations SET at = ?, connected = 0 WHERE connected AND at < ?"


class SqliteStore:
    """Keeps conversations in a file, each for `within_s` seconds after its connection has ended.

    What cannot be written (a full disk) is kept in memory, and the log says so. Raises VoiceAgentError for a file that
    cannot be used.
    """

    durable = True

    def __init__(self, path: Path, within_s: float) -> None:
        self._path = path
        self._within_s = within_s
        self._memory = MemoryStore(within_s)
        self._pending: dict[str, tuple[Snapshot | None, bool]] = {}
        """What is to be written, by hash: nothing else of it is, if it changes before its turn."""
        self._callers: set[str] = set()
        """The hashes of those who are connected to this process."""
        self._thread = ThreadPoolExecutor(1, "conversations")
        self._failing = False
        self._db = self._open()
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(RENEW_S, self._look)

    def keep(self, token: str, kept: Snapshot) -> None:
        """Keep a conversation whose connection has ended."""
        self._memory.keep(token, kept)
        self._write(token, kept, connected=False)

    def save(self, token: str, kept: Snapshot) -> None:
        """Keep how a conversation stands whose caller is connected, in case that the process ends."""
        self._write(token, kept, connected=True)

    async def take(self, token: str) -> Snapshot | None:
        """Return what is kept under a token, and keep it no longer; None if there is nothing, or no longer."""
        remembered = await self._memory.take(token)
        written = await self._loop.run_in_executor(self._thread, self._take, _hash(token))
        return remembered or written

    def forget(self, token: str) -> None:
        """Keep nothing under a token."""
        self._memory.forget(token)
        self._write(token, None, connected=False)

    def close(self) -> None:
        """Write what is to be written, and close the file; what is kept stays for the next process."""
        self._timer.cancel()
        self._memory.close()
        self._thread.submit(self._db.close)
        self._thread.shutdown()

    # On the event loop

    def _write(self, token: str, kept: Snapshot | None, *, connected: bool) -> None:
        name = _hash(token)
        (self._callers.add if connected else self._callers.discard)(name)
        self._pending[name] = kept, connected
        self._thread.submit(self._flush, name)

    def _look(self) -> None:
        """Renew what is connected, and remove what nobody has come back to."""
        now = time.time()
        if self._callers:
            self._thread.submit(self._run, _RENEW, (now, json.dumps([*self._callers])))
        self._thread.submit(self._run, _ORPHANED, (now, now - GONE_S))
        self._thread.submit(self._remove, _EXPIRE, (now - self._within_s,))
        self._timer = self._loop.call_later(RENEW_S, self._look)

    # On the thread

    def _open(self) -> sqlite3.Connection:
        db = None
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON"):
                db.execute(f"PRAGMA {pragma}")
            db.execute(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            if db is not None:
                db.close()
            raise VoiceAgentError(
                f"session.store: {self._path} cannot be used ({error}). Name a file on a local disk that this user may"
                " write, or delete it if it is damaged: only conversations of the last minutes are in it."
            ) from error
        return db

    def _flush(self, name: str) -> None:
        if (pending := self._pending.pop(name, None)) is None:
            return  # an earlier turn has written the latest
        kept, connected = pending
        if kept is None:
            self._remove(_TAKE, (name,))
        else:
            self._run(_SAVE, (name, time.time(), connected, dumps(kept)))

    def _take(self, name: str) -> Snapshot | None:
        rows = self._remove(_TAKE, (name,))
        try:
            return loads(rows[0][0]) if rows else None
        except VoiceAgentError as error:
            log.warning("%s", error)
            return None

    def _remove(self, statement: str, values: tuple[object, ...]) -> list[tuple[bytes]]:
        """Delete, and leave nothing of it in the file's log either."""
        rows = self._run(statement, values)
        self._run("PRAGMA wal_checkpoint(TRUNCATE)", ())
        return rows

    def _run(self, statement: str, values: tuple[object, ...]) -> list[tuple[bytes]]:
        try:
            rows = self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            if not self._failing:
                log.error("conversations are only kept in memory: %s cannot be written (%s)", self._path, error)
            self._failing = True
            return []
        if statement == _SAVE:
            self._failing = False
        return rows


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
