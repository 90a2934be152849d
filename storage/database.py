"""Opens the database, one connection per unit of work."""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlite_utils import Database

from storage.api_keys import ApiKeys
from storage.clip_edits import ClipEdits
from storage.clips import Clips
from storage.datasets import Datasets
from storage.ended_sessions import EndedSessions
from storage.errors import Locked
from storage.files import Files
from storage.fine_tunes import FineTunes
from storage.ledger import Ledger
from storage.locks import locked
from storage.media import Media
from storage.migrations import migrations
from storage.pronunciation_dicts import PronunciationDicts
from storage.settings import Settings
from storage.speeches import Speeches
from storage.training_events import TrainingEvents
from storage.transcripts import Transcripts
from storage.voices import Voices
from storage.webhook_calls import WebhookCalls

BUSY_SECONDS = 30.0


class Tables:
    """All tables on one connection."""

    def __init__(self, db: Database) -> None:
        self.datasets = Datasets(db)
        self.files = Files(db)
        self.clips = Clips(db)
        self.clip_edits = ClipEdits(db)
        self.transcripts = Transcripts(db)
        self.fine_tunes = FineTunes(db)
        self.training_events = TrainingEvents(db)
        self.voices = Voices(db)
        self.speeches = Speeches(db)
        self.ledger = Ledger(db)
        self.settings = Settings(db)
        self.api_keys = ApiKeys(db)
        self.ended_sessions = EndedSessions(db)
        self.pronunciation_dicts = PronunciationDicts(db)
        self.webhook_calls = WebhookCalls(db)

    def remove_clips_of(self, file_id: str) -> None:
        """The rows of a file's clips, and of what a person did to them."""
        self.clip_edits.delete_where("clip_id in (select id from clips where file_id = ?)", [file_id])
        self.clips.delete_where("file_id = ?", [file_id])


class Storage:
    """The data folder: rows in `playground.db`, media beside it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.media = Media(data_dir)
        self._path = data_dir / "playground.db"

    def migrate(self) -> None:
        """Make the folder and bring the schema up to date; one process at a time, the others wait."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with locked(self.data_dir), closing(self._connect()) as connection:
            connection.execute("pragma journal_mode = wal")
            migrations.apply(Database(connection, execute_plugins=False))

    def secret(self, name: str) -> bytes:
        """32 random bytes that stay the same, in a file that only the owner may read; made at the first call."""
        path = self.data_dir / "secrets" / name
        with self.write():  # one process at a time
            if not path.exists():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                aside = path.with_suffix(".part")
                aside.touch(mode=0o600)
                with aside.open("wb") as stream:
                    stream.write(secrets.token_bytes(32))
                    stream.flush()
                    os.fsync(stream.fileno())  # else a power failure may leave an empty one under its name
                aside.replace(path)
            return path.read_bytes()

    @contextmanager
    def read(self) -> Iterator[Tables]:
        """A consistent view; what is written in it is refused."""
        with closing(self._connect()) as connection:
            connection.execute("pragma query_only = on")
            yield Tables(Database(connection, execute_plugins=False))

    @contextmanager
    def write(self, *, patience_seconds: float = BUSY_SECONDS) -> Iterator[Tables]:
        """One transaction, all or nothing; it takes the write lock at once, so that reads in it are current.

        Raises Locked when others keep the lock for longer than one has patience.
        """
        with closing(self._connect(patience_seconds)) as connection:
            _begin(connection)
            try:
                yield Tables(Database(connection, execute_plugins=False))
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def _connect(self, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=busy_seconds)
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma synchronous = normal")
        return connection


def _begin(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("begin immediate")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        raise Locked("The database is being written to by others. Please try again.") from error
