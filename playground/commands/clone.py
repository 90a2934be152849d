"""`clone`: recordings in, four voices and a report out, with a bar for every stage."""

import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from model.decoding import FORMATS
from model.transcript_files import TEXT_FORMATS
from playground.commands.serve import INSPECTOR, WORKER
from playground.parts import Parts, make_parts
from playground.services.clone_form import CloneForm
from playground.services.errors import Refused
from playground.services.fine_tuning import DISCLAIMER
from playground.services.given_texts import TakenTexts
from playground.settings import Settings
from playground.steps.report_card import shortfalls
from playground.supervisor import Supervisor
from storage.records import FineTune, Status

POLL_SECONDS = 0.5
BAR = 30


@dataclass(frozen=True, kw_only=True)
class CloneOptions:
    """What the command line says."""

    name: str
    description: str
    language: str
    gender: str
    model_id: str
    minutes: int
    consented: bool
    files: tuple[Path, ...]


def clone(settings: Settings, options: CloneOptions) -> int:
    """Make a dataset of the files, train on it, and print the four voice ids; gives the exit status."""
    parts = make_parts(settings)
    form = CloneForm(
        name=options.name,
        description=options.description,
        language=options.language,
        gender=options.gender,
        model_id=options.model_id,
    )
    parts.accounts.require_pvc()
    form.checked()
    files = list(_files(options.files))
    if not options.consented and not _is_confirmed():
        print("Nothing was done.", file=sys.stderr)
        return 1
    dataset = parts.datasets.create(options.name)
    for file in files:
        _add(parts, dataset.id, file)
    with ExitStack() as stack:
        stack.enter_context(Supervisor([INSPECTOR, WORKER], parts.settings))
        _wait_for_verdicts(parts, dataset.id)
        draft = parts.fine_tuning.create_draft(form, dataset_id=dataset.id)
        print(f"Clone {draft.id} on {draft.model_id}", flush=True)
        parts.fine_tuning.train(draft.id, minutes=options.minutes, consented=True)
        try:
            fine_tune = _wait_for_end(parts, draft.id)
        except KeyboardInterrupt:
            parts.fine_tuning.cancel(draft.id)
            print("\nCancelled. Nothing was charged.", file=sys.stderr)
            raise
    return _print_result(parts, fine_tune)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files that are named, and in folders those with a recording's or transcript's name."""
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.iterdir() if _is_taken(file.name))
        elif path.is_file():
            yield path
        else:
            raise Refused(f"There is no file {path}.")


def _is_taken(filename: str) -> bool:
    return Path(filename).suffix.lower().lstrip(".") in (*FORMATS, *TEXT_FORMATS, "zip")


def _is_confirmed() -> bool:
    print(DISCLAIMER)
    if not sys.stdin.isatty():
        print("Say yes with --i-have-consent.", file=sys.stderr)
        return False
    return input("Is that so? [y/N] ").strip().lower() in ("y", "yes")


def _add(parts: Parts, dataset_id: str, file: Path) -> None:
    with parts.storage.media.scratch_folder() as scratch:
        copy = scratch / "upload"
        shutil.copyfile(file, copy)
        taken = parts.datasets.add_file(dataset_id, file.name, copy)
    if isinstance(taken, TakenTexts):
        print(f"  {taken.filename}: {taken.texts} transcripts, {taken.recordings} of them for recordings named before")


def _wait_for_verdicts(parts: Parts, dataset_id: str) -> None:
    pause = threading.Event()
    while (summary := parts.datasets.summary(dataset_id)).pending:
        _print_bar("checking recordings", 1 - summary.pending / summary.files)
        pause.wait(POLL_SECONDS)
    _print_bar("checking recordings", 1.0, is_last=True)
    print()
    for file in parts.datasets.files(dataset_id):
        if file.verdict != "good":
            print(f"  {file.verdict}: {file.filename}: {file.reason}")
    print(f"  {summary.usable_minutes:.1f} minutes of usable speech in {summary.files} files", flush=True)


def _wait_for_end(parts: Parts, fine_tune_id: str) -> FineTune:
    pause = threading.Event()
    stage = ""
    while (fine_tune := parts.fine_tuning.get(fine_tune_id)).status.is_running:
        if fine_tune.stage != stage:
            if stage:
                _print_bar(stage, 1.0, is_last=True)
                print(f" {fine_tune.stage_seconds.get(stage, 0):.0f} s", flush=True)
            stage = fine_tune.stage
        if stage:
            _print_bar(stage, fine_tune.step / fine_tune.steps if fine_tune.steps else 0, eta=fine_tune.eta_seconds)
        pause.wait(POLL_SECONDS)
    print()
    return fine_tune


def _print_bar(label: str, fraction: float, *, eta: float | None = None, is_last: bool = False) -> None:
    """Draw the bar over the one before; where nobody looks on, only the last one of a stage."""
    if not sys.stdout.isatty() and not is_last:
        return
    filled = round(BAR * min(fraction, 1))
    left = f" {eta / 60:.1f} min left" if eta and fraction < 1 else ""
    print(f"\r{label:>20} [{'#' * filled}{'.' * (BAR - filled)}]{left:16}", end="", flush=True)


def _print_result(parts: Parts, fine_tune: FineTune) -> int:
    if fine_tune.report:
        _print_report(fine_tune)
    if fine_tune.status != Status.COMPLETED:
        print(f"Failed: {fine_tune.error}", file=sys.stderr)
        print("You were not charged. Open the page to retry.", file=sys.stderr)
        return 1
    print(f"Model {fine_tune.model_id}")
    for voice in parts.fine_tuning.voices(fine_tune.id):
        print(f"{voice.id}  {voice.name}")
    return 0


def _print_report(fine_tune: FineTune) -> None:
    print(f"{'':28} similarity  words misheard  naturalness")
    for row in fine_tune.report["rows"]:
        misheard = f"{row['word_error_rate']:.1%}" if "word_error_rate" in row else "-"
        print(f"{row['name']:28} {row['similarity']:10.3f}  {misheard:>14}  {row['naturalness']:11.2f}")
    for shortfall in shortfalls(fine_tune.report):
        print(shortfall)
    stages = ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in fine_tune.stage_seconds.items())
    print(f"Time: {fine_tune.report['minutes']} minutes ({stages})")
