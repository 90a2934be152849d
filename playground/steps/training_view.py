"""What one sees of a training: its stages, how far it is, its curve, and how it ended. Pure functions."""

from collections.abc import Sequence
from html import escape

from playground import formatting
from playground.pages.markup import bullets, facts, notice
from playground.services.runs import CANCELLED
from playground.services.training import CHECK_FAILED, STAGES
from playground.steps.report_card import shortfalls
from storage.records import FineTune, Status, TrainingEvent
from storage.times import now, seconds_between

RETRY_GOES_ON = "Retry goes on from the last checkpoint when the recordings are the same, else it starts afresh."
RETRY_AFRESH = "Retry trains afresh: add or mend recordings first."


def live(clone: FineTune, events: Sequence[TrainingEvent], *, position: int) -> str:
    """A run that waits or trains."""
    if clone.status == Status.CREATED:
        title = f"Waiting, {formatting.ordinal(position)} in the queue"
        words = "It begins by itself as soon as the trainer is free."
    else:
        title = "Cancelling…" if clone.cancel_requested else f"Training: {clone.stage or 'starting'}"
        said = (event.message for event in reversed(events) if event.message and event.stage == clone.stage)
        words = next(said, "")
    elapsed = seconds_between(clone.started_at or clone.queued_at or now(), now())
    figures = {
        "Done": f"<b>{formatting.percent(clone.progress)}</b>",
        "Elapsed": formatting.clock(elapsed),
        "Left": escape(formatting.time_left(clone.eta_seconds).removesuffix(" left")) or formatting.NOTHING,
        "Attempt": str(clone.attempt),
    }
    return (
        f'<section class="training"><h2 role="status">{escape(title)}</h2><p class="hint">{escape(words)}</p>'
        f"{formatting.progress_bar(clone.progress, label='Training')}{facts(figures)}{_stages(clone)}"
        f'<div class="curves">{formatting.loss_curves(events)}</div>'
        '<p class="hint">You can close this page: the training goes on, and this address shows it again.</p></section>'
    )


def completed(clone: FineTune) -> str:
    """A run that ended well."""
    took = sum(clone.stage_seconds.values())
    lacking = shortfalls(clone.report)
    said = " ".join(lacking) or "All four voices have spoken and passed the check."
    words = f"<p>It took {escape(formatting.minutes(took))}. {escape(said)}</p>"
    return notice("Completed", words, tone="plain" if lacking else "good") + _stages(clone)


def failed(clone: FineTune, events: Sequence[TrainingEvent], *, support_address: str) -> str:
    """The reason, what to do, and that nothing was charged."""
    cancelled = clone.error_code == CANCELLED
    stage = f" in the stage “{clone.stage}”" if clone.stage else ""
    title = "Cancelled" if cancelled else f"The training failed{stage}"
    others = [error["message"] for error in clone.user_errors if error["message"] != clone.error]
    body = f'<p class="reason">{escape(clone.error)}</p>{bullets(others)}'
    body += f"<p>You were not charged. This was attempt {clone.attempt}.</p>"
    body += f"<p>{RETRY_AFRESH if clone.error_code == CHECK_FAILED else RETRY_GOES_ON}</p>"
    if clone.error_code == clone.previous_error_code and not cancelled:
        contact = f" Write to {support_address} and give the id {clone.id}." if support_address else ""
        body += f"<p>It failed twice for the same reason.{escape(contact)}</p>"
    curves = f'<div class="curves">{formatting.loss_curves(events)}</div>'
    return notice(title, body, tone="plain" if cancelled else "bad") + _stages(clone) + curves


def _stages(clone: FineTune) -> str:
    ended = clone.status == Status.COMPLETED
    current = STAGES.index(clone.stage) if clone.stage in STAGES else -1
    items = []
    for index, stage in enumerate(STAGES):
        state = "done" if ended or index < current else "current" if index == current else "ahead"
        if state == "current" and clone.status == Status.FAILED:
            state = "stopped"
        seconds = clone.stage_seconds.get(stage)
        detail = f"<small>{formatting.clock(seconds)}</small>" if seconds is not None and state != "current" else ""
        if state == "done" and seconds is None:
            detail = "<small>not needed</small>"
        if state == "current" and clone.steps:
            detail = f"<small>{clone.step:,} of {clone.steps:,}</small>"
        here = ' aria-current="step"' if state == "current" else ""
        items.append(f'<li class="{state}"{here}><span>{escape(stage)}</span>{detail}</li>')
    return f'<ol class="stages" aria-label="Stages">{"".join(items)}</ol>'
