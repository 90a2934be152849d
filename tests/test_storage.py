"""The data folder: records round trip, paging, leases, migrations, transactions."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlite_utils

from storage.database import Storage
from storage.errors import NotFound, UnknownCursor
from storage.migrations import migrations
from storage.records import Dataset, FineTune, LedgerEntry, LedgerKind, Status, Voice
from storage.times import now


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    made = Storage(tmp_path)
    made.migrate()
    return made


def _queued(storage: Storage, name: str = "A") -> FineTune:
    with storage.write() as tables:
        return tables.fine_tunes.insert(
            FineTune(name=name, model_id="tiny", status=Status.CREATED, queued_at=now(), report={"rows": [1]})
        )


def _expire_lease(storage: Storage, fine_tune: FineTune) -> None:
    with storage.write() as tables:
        tables.fine_tunes.update(fine_tune.id, lease_expires_at="2000-01-01T00:00:00.000000Z")


def test_a_record_comes_back_as_it_was_written(storage: Storage) -> None:
    written = _queued(storage)
    with storage.read() as tables:
        assert tables.fine_tunes.get(written.id) == written


def test_an_unknown_id_names_kind_and_id(storage: Storage) -> None:
    with storage.read() as tables, pytest.raises(NotFound, match="dataset.*'nowhere'"):
        tables.datasets.get("nowhere")


def test_a_failed_transaction_leaves_nothing(storage: Storage) -> None:
    with pytest.raises(RuntimeError), storage.write() as tables:
        tables.datasets.insert(Dataset(name="half"))
        raise RuntimeError
    with storage.read() as tables:
        assert tables.datasets.count() == 0


def test_reading_cannot_write(storage: Storage) -> None:
    with pytest.raises(Exception, match="readonly"), storage.read() as tables:
        tables.datasets.insert(Dataset(name="no"))


def test_pages_are_newest_first_and_end(storage: Storage) -> None:
    with storage.write() as tables:
        made = [tables.datasets.insert(Dataset(name=str(number))) for number in range(5)]
    seen: list[str] = []
    cursor = None
    with storage.read() as tables:
        while records := tables.datasets.page(limit=2, starting_after=cursor).records:
            seen += [record.name for record in records]
            cursor = records[-1].id
        assert seen == ["4", "3", "2", "1", "0"]
        before = tables.datasets.page(limit=2, ending_before=made[0].id)
    assert [record.name for record in before.records] == ["2", "1"]
    assert before.has_more


def test_an_unknown_cursor_is_refused(storage: Storage) -> None:
    with storage.read() as tables, pytest.raises(UnknownCursor):
        tables.datasets.page(limit=2, starting_after="nowhere")


def test_one_worker_at_a_time_gets_a_run(storage: Storage) -> None:
    first, second = _queued(storage, "first"), _queued(storage, "second")
    with storage.write() as tables:
        claimed = tables.fine_tunes.claim(owner="w1", at_once=1)
        assert claimed is not None and claimed.id == first.id and claimed.status == Status.TRAINING
        assert tables.fine_tunes.claim(owner="w2", at_once=1) is None
        assert tables.fine_tunes.queue_position(second) == 1


def test_a_run_whose_lease_ran_out_is_taken_over(storage: Storage) -> None:
    fine_tune = _queued(storage)
    with storage.write() as tables:
        tables.fine_tunes.claim(owner="dead", at_once=1)
    _expire_lease(storage, fine_tune)
    with storage.write() as tables:
        taken = tables.fine_tunes.claim(owner="alive", at_once=1)
        assert taken is not None
        assert (taken.takeovers, taken.lease_owner) == (1, "alive")
        assert tables.fine_tunes.renew(fine_tune.id, owner="dead") is None


def test_scratch_folders_are_removed_once_their_process_was_killed(storage: Storage) -> None:
    code = "import sys; from pathlib import Path; from storage.media import Media\n"
    code += "with Media(Path(sys.argv[1])).scratch_folder() as folder: print(folder, flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(storage.data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        folder = Path(other.stdout.readline().strip() if other.stdout else "")
        storage.media.remove_leftovers()
        assert folder.is_dir()
        other.kill()
    storage.media.remove_leftovers()
    assert not [*storage.media.scratch.iterdir()]


def test_first_starts_at_the_same_time_make_one_schema(tmp_path: Path) -> None:
    starts = 8
    together = threading.Barrier(starts)

    def start(number: int) -> int:
        together.wait()
        Storage(tmp_path / "data").migrate()
        return number

    with ThreadPoolExecutor(starts) as threads:
        assert [*threads.map(start, range(starts))] == [*range(starts)]


def test_a_secret_is_on_the_disk_before_it_has_its_name(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    on_disk: list[int] = []

    def fsync(descriptor: int) -> None:
        assert not (storage.data_dir / "secrets" / "tokens").exists()
        on_disk.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", fsync)
    assert len(storage.secret("tokens")) == 32
    assert on_disk == [32]


def test_credits_are_charged_once_per_clone(storage: Storage) -> None:
    charge = {"kind": LedgerKind.CHARGE, "amount": -1.0, "note": "", "fine_tune_id": "a"}
    with pytest.raises(Exception, match="UNIQUE"), storage.write() as tables:
        tables.ledger.insert(LedgerEntry(**charge))  # type: ignore[arg-type]
        tables.ledger.insert(LedgerEntry(**charge))  # type: ignore[arg-type]


def test_migrating_again_keeps_the_rows(storage: Storage) -> None:
    fine_tune = _queued(storage)
    storage.migrate()
    with storage.read() as tables:
        assert tables.fine_tunes.get(fine_tune.id) == fine_tune
    db = sqlite_utils.Database(storage.data_dir / "playground.db")
    assert not migrations.pending(db)
    assert db.journal_mode == "wal"
    db.close()


def test_what_an_earlier_release_found_stays_said(tmp_path: Path) -> None:
    with sqlite_utils.Database(tmp_path / "playground.db") as db:
        migrations.apply(db, stop_before="m004_findings")
        db.table("datasets").insert({"id": "d", "name": "A", "description": "", "created_at": now()})
        rows = (("f", "poor", "Noise.", "1"), ("g", "good", "", "2"), ("h", "rejected", "The same.", "2"))
        for id, verdict, reason, sha256 in rows:
            row = {"id": id, "dataset_id": "d", "verdict": verdict, "reason": reason, "sha256": sha256, "filename": id}
            db.table("files").insert(row)
        db.conn.commit()
    storage = Storage(tmp_path)
    storage.migrate()
    with storage.read() as tables:
        file = tables.files.get("f")
        assert [tables.files.get(id).duplicate_of for id in "fgh"] == ["", "", "g"]
    assert file.findings == [{"kind": "other", "verdict": "poor", "reason": "Noise.", "advice": ""}]
    assert (file.left_out, file.duplicate_of) == ({}, "")


def test_transcripts_of_before_keep_their_source_and_their_text(tmp_path: Path) -> None:
    path = tmp_path / "playground.db"
    db = sqlite_utils.Database(path)
    migrations.apply(db, stop_before="m003_transcripts_have_a_history")
    db.table("datasets").insert({"id": "d", "name": "Ada", "created_at": now()})
    db.table("files").insert({"id": "f", "dataset_id": "d", "filename": "a.wav", "size": 1, "sha256": "0", "path": ""})
    common = {"dataset_id": "d", "file_id": "f", "path": "", "start_seconds": 0.0, "duration_seconds": 2.0}
    texts = {"a": ("Hello.", "recognition", 0.9), "b": ("Hi.", "person", 1.0), "c": ("", "", None)}
    for id, (text, source, confidence) in texts.items():
        db.table("clips").insert(
            {"id": id, "transcript": text, "transcript_source": source, "confidence": confidence, "language": "en"}
            | common
        )
    db.close()
    storage = Storage(tmp_path)
    storage.migrate()
    with storage.read() as tables:
        heard, given, none = tables.clips.of_dataset("d")
        assert tables.files.get("f").language == ""
    assert (heard.transcript, heard.heard, heard.transcript_source, heard.confidence) == (
        "Hello.",
        "Hello.",
        "heard",
        0.9,
    )
    assert (given.transcript, given.given, given.transcript_source, given.heard) == ("Hi.", "Hi.", "given", None)
    assert (none.transcript, none.heard, none.transcript_source, none.is_excluded) == ("", None, "", False)


def test_rows_from_before_keys_and_webhooks_are_kept(tmp_path: Path) -> None:
    fine_tune = FineTune(name="Old", model_id="tiny", status=Status.COMPLETED)
    voice = Voice(name="Old - V0", language="en", model_id="tiny", fine_tune_id=fine_tune.id)
    new = {"fine_tunes": ("caller", "request_sha256", "idempotency_key", "webhook_url")}
    new["voices"] = ("base_voice_id", "tagline", "accents")
    db = sqlite_utils.Database(tmp_path / "playground.db")
    migrations.apply(db, stop_before="m005_keys_dictionaries_webhooks")
    for table, record in (("fine_tunes", fine_tune), ("voices", voice)):
        db.table(table).insert({name: value for name, value in vars(record).items() if name not in new[table]})
    db.close()
    storage = Storage(tmp_path)
    storage.migrate()
    with storage.read() as tables:
        assert tables.fine_tunes.get(fine_tune.id) == fine_tune
        assert tables.voices.get(voice.id) == voice
