"""Opens the database, one connection per unit of work."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlite_utils import Database

from storage.clip_edits import ClipEdits
from storage.clips import Clips
from storage.datasets import Datasets
from storage.files import Files
from storage.fine_tunes import FineTunes
from storage.ledger import Ledger
from storage.media import Media
from storage.migrations import migrations
from storage.settings import Settings
from storage.speeches import Speeches
from storage.training_events import TrainingEvents
from storage.transcripts import Transcripts
from storage.voices import Voices

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


class Storage:
    """The data folder: rows in `playground.db`, media beside it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.media = Media(data_dir)
        self._path = data_dir / "playground.db"

    def migrate(self) -> None:
        """Make the folder and bring the schema up to date."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with closing(self._connect()) as connection:
            connection.execute("pragma journal_mode = wal")
            migrations.apply(Database(connection, execute_plugins=False))

    @contextmanager
    def read(self) -> Iterator[Tables]:
        """A consistent view; what is written in it is refused."""
        with closing(self._connect()) as connection:
            connection.execute("pragma query_only = on")
            yield Tables(Database(connection, execute_plugins=False))

    @contextmanager
    def write(self) -> Iterator[Tables]:
        """One transaction, all or nothing; it takes the write lock at once, so that reads in it are current."""
        with closing(self._connect()) as connection:
            connection.execute("begin immediate")
            try:
                yield Tables(Database(connection, execute_plugins=False))
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS)
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma synchronous = normal")
        return connection
