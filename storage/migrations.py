"""The history of the schema: appended, never edited."""

from sqlite_utils import Database, Migrations

migrations = Migrations("voice_playground")


@migrations()
def m001_first_schema(db: Database) -> None:
    db.table("datasets").create(
        {"id": str, "name": str, "description": str, "created_at": str},
        pk="id",
        not_null={"name", "created_at"},
    )
    db.table("files").create(
        {
            "id": str,
            "dataset_id": str,
            "filename": str,
            "size": int,
            "sha256": str,
            "path": str,
            "created_at": str,
            "verdict": str,
            "reason": str,
            "duration_seconds": float,
            "usable_seconds": float,
            "sample_rate": int,
            "bandwidth_hz": float,
            "loudness_lufs": float,
            "snr_db": float,
            "clipping_ratio": float,
            "preview_path": str,
            "inspections": int,
            "inspector": str,
        },
        pk="id",
        foreign_keys=[("dataset_id", "datasets")],
    )
    db.table("files").create_index(["dataset_id", "sha256"])
    db.table("files").create_index(["verdict"])
    db.table("clips").create(
        {
            "id": str,
            "dataset_id": str,
            "file_id": str,
            "path": str,
            "start_seconds": float,
            "duration_seconds": float,
            "transcript": str,
            "transcript_source": str,
            "language": str,
            "confidence": float,
            "created_at": str,
        },
        pk="id",
        foreign_keys=[("dataset_id", "datasets"), ("file_id", "files")],
    )
    db.table("clips").create_index(["dataset_id"])
    db.table("clips").create_index(["file_id"])
    db.table("transcripts").create(
        {"id": str, "dataset_id": str, "stem": str, "text": str, "created_at": str},
        pk="id",
        foreign_keys=[("dataset_id", "datasets")],
    )
    db.table("transcripts").create_index(["dataset_id", "stem"], unique=True)
    db.table("fine_tunes").create(
        {
            "id": str,
            "name": str,
            "description": str,
            "language": str,
            "gender": str,
            "accent": str,
            "model_id": str,
            "dataset_id": str,
            "status": str,
            "training_minutes": int,
            "consented_at": str,
            "created_at": str,
            "queued_at": str,
            "started_at": str,
            "finished_at": str,
            "attempt": int,
            "takeovers": int,
            "lease_owner": str,
            "lease_expires_at": str,
            "cancel_requested": int,
            "stage": str,
            "stage_started_at": str,
            "step": int,
            "steps": int,
            "progress": float,
            "progressed_at": str,
            "eta_seconds": float,
            "message": str,
            "error_code": str,
            "error": str,
            "previous_error_code": str,
            "user_errors": str,
            "stage_seconds": str,
            "report": str,
        },
        pk="id",
    )
    db.table("fine_tunes").create_index(["status", "queued_at"])
    db.table("training_events").create(
        {
            "id": int,
            "fine_tune_id": str,
            "attempt": int,
            "at": str,
            "stage": str,
            "step": int,
            "steps": int,
            "loss": float,
            "message": str,
        },
        pk="id",
    )
    db.table("training_events").create_index(["fine_tune_id"])
    db.table("voices").create(
        {
            "id": str,
            "name": str,
            "description": str,
            "language": str,
            "gender": str,
            "model_id": str,
            "fine_tune_id": str,
            "position": int,
            "stock_name": str,
            "reference_path": str,
            "reference_text": str,
            "style_path": str,
            "preview_path": str,
            "created_at": str,
        },
        pk="id",
    )
    db.table("voices").create_index(["fine_tune_id"])
    db.table("speeches").create(
        {
            "id": str,
            "voice_id": str,
            "model_id": str,
            "fine_tuned": int,
            "text": str,
            "credits": float,
            "path": str,
            "duration_seconds": float,
            "created_at": str,
        },
        pk="id",
    )
    db.table("ledger").create(
        {
            "id": str,
            "kind": str,
            "amount": float,
            "note": str,
            "fine_tune_id": str,
            "attempt": int,
            "created_at": str,
        },
        pk="id",
    )
    db.execute("create unique index one_charge_per_clone on ledger (fine_tune_id) where kind = 'charge'")
    db.table("settings").create({"id": str, "value": str}, pk="id")


@migrations()
def m002_drop_what_nothing_reads(db: Database) -> None:
    db.table("files").transform(drop={"inspector"})
    db.table("voices").transform(drop={"preview_path"})


@migrations()
def m003_transcripts_have_a_history(db: Database) -> None:
    clips = db.table("clips")
    clips.add_column("heard", str)
    clips.add_column("hearings", int, not_null_default=0)
    clips.add_column("given", str, not_null_default="")
    clips.add_column("is_excluded", int, not_null_default=0)
    db.execute(
        "update clips set heard = transcript, transcript_source = 'heard' where transcript_source = 'recognition'"
    )
    db.execute(
        "update clips set given = transcript, transcript_source = 'given', confidence = null"
        " where transcript_source = 'person'"
    )
    db.table("files").add_column("language", str, not_null_default="")
    db.table("files").add_column("language_probability", float)
    db.table("transcripts").add_column("cues", str, not_null_default="[]")
    db.table("clip_edits").create(
        {
            "id": int,
            "dataset_id": str,
            "clip_id": str,
            "step": str,
            "kind": str,
            "before": str,
            "at": str,
        },
        pk="id",
    )
    db.table("clip_edits").create_index(["dataset_id"])
    db.table("clip_edits").create_index(["clip_id"])


@migrations()
def m004_findings(db: Database) -> None:
    files = db.table("files")
    files.add_column("findings", str, not_null_default="[]")
    files.add_column("left_out", str, not_null_default="{}")
    files.add_column("duplicate_of", str, not_null_default="")
    for figure in ("music_share", "decay_seconds", "speaker_similarity"):
        files.add_column(figure, float)
    db.table("clips").add_column("speaker_similarity", float)
    for switch in ("is_review_due", "reduces_noise"):
        db.table("datasets").add_column(switch, int, not_null_default=0)
    db.execute(
        "update files set findings = json_array(json_object("
        "'kind', 'other', 'verdict', verdict, 'reason', reason, 'advice', '')) where verdict not in ('', 'good')"
    )
    db.execute(
        "update files set duplicate_of = coalesce((select first.id from files first where first.sha256 = files.sha256"
        " and first.dataset_id = files.dataset_id and first.rowid < files.rowid order by first.rowid limit 1), '')"
        " where verdict = 'rejected'"
    )


@migrations()
def m005_keys_dictionaries_webhooks(db: Database) -> None:
    db.table("api_keys").create(
        {
            "id": str,
            "name": str,
            "scope": str,
            "sha256": str,
            "hint": str,
            "created_at": str,
            "last_used_at": str,
            "revoked_at": str,
        },
        pk="id",
    )
    db.table("pronunciation_dicts").create(
        {"id": str, "name": str, "description": str, "items": str, "created_at": str}, pk="id"
    )
    db.table("webhook_calls").create(
        {
            "id": str,
            "fine_tune_id": str,
            "url": str,
            "body": str,
            "attempts": int,
            "due_at": str,
            "delivered_at": str,
            "last_error": str,
            "created_at": str,
        },
        pk="id",
    )
    db.table("webhook_calls").create_index(["due_at"])
    for column in ("caller", "request_sha256", "idempotency_key", "webhook_url"):
        db.table("fine_tunes").add_column(column, str, not_null_default="")
    db.execute(
        "create unique index one_run_per_idempotency_key on fine_tunes (caller, idempotency_key)"
        " where idempotency_key != ''"
    )
    for column, default in (("base_voice_id", ""), ("tagline", ""), ("accents", "[]")):
        db.table("voices").add_column(column, str, not_null_default=default)


@migrations()
def m006_sessions_can_be_ended(db: Database) -> None:
    db.table("ended_sessions").create({"id": str, "expires_at": str}, pk="id")


@migrations()
def m007_reviews_that_were_killed(db: Database) -> None:
    db.table("datasets").add_column("review_tries", int, not_null_default=0)
