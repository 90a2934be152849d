"""What the page shows of rows, without a browser."""

import asyncio
from dataclasses import replace

import gradio as gr
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from playground import wizard
from playground.inspector import Inspector
from playground.pages import examples, markup
from playground.pages.place import Place
from playground.pages.recordings import progress_bar
from playground.pages.widgets import guarded
from playground.parts import Parts
from playground.services.clone_form import CloneForm
from playground.services.errors import Refused
from playground.services.runs import CANCELLED
from playground.services.training import CHECK_FAILED
from playground.steps import training_view
from playground.steps.report_card import report_card
from playground.steps.voice_details import VoiceDetails
from storage.records import FineTune, Status
from tests.making import TINY
from tests.running import add_speech

FAILED = FineTune(
    name="Ada",
    model_id="tiny-2026-11-01",
    status=Status.FAILED,
    stage="align",
    attempt=2,
    error_code="disk",
    error="The disk is full. Make room, then Retry.",
)


def failed_words(clone: FineTune, *, support_address: str = "help@example.org") -> str:
    return training_view.failed(clone, [], support_address=support_address)


@pytest.fixture
def details(parts: Parts) -> VoiceDetails:
    with gr.Blocks():
        return VoiceDetails(parts, gr.HTML())


def test_each_change_of_the_form_saves_its_own_field(parts: Parts, details: VoiceDetails) -> None:
    draft = parts.fine_tuning.create_draft(CloneForm())
    query = Place(view="clone", clone=draft.id).query
    details._save_description(query, "For a podcast")
    details._save_gender(query, "feminine")
    details._save_name(query, "Ada")
    details._save_language(query, "it")
    saved = parts.fine_tuning.get(draft.id)
    assert (saved.name, saved.description, saved.gender, saved.language) == ("Ada", "For a podcast", "feminine", "it")


@pytest.mark.parametrize("shown", ["en", "it"])
def test_a_base_model_takes_its_own_language_where_it_does_not_speak_the_saved_one(
    parts: Parts, details: VoiceDetails, shown: str
) -> None:
    draft = parts.fine_tuning.create_draft(CloneForm(language="it"))
    details._choose_model(Place(view="clone", clone=draft.id).query, TINY, shown)
    saved = parts.fine_tuning.get(draft.id)
    assert (saved.model_id, saved.language) == (TINY, "en")


def test_a_change_that_comes_while_another_one_is_saved_is_saved_after_it(parts: Parts) -> None:
    with gr.Blocks() as blocks:
        VoiceDetails(parts, gr.HTML())
    saves = [function for function in blocks.fns.values() if function.targets[0][1] in ("blur", "input")]
    assert [save.trigger_mode for save in saves] == ["always_last"] * 5


def test_a_failure_says_why_and_that_nothing_was_charged() -> None:
    words = failed_words(FAILED)
    assert "The disk is full. Make room, then Retry." in words
    assert "You were not charged. This was attempt 2." in words
    assert "help@example.org" not in words


def test_after_a_check_that_failed_nobody_is_told_that_a_checkpoint_is_kept() -> None:
    assert "goes on from the last checkpoint" in failed_words(FAILED)
    failed = replace(FAILED, stage="check", error_code=CHECK_FAILED)
    assert "Retry trains afresh" in failed_words(failed)
    assert "checkpoint" not in failed_words(failed)


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ({"passed_gates": False}, "clearly less natural"),
        ({"is_more_alike": False}, "no more like the speaker than the base model"),
    ],
)
def test_a_clone_that_is_completed_but_lacks_something_says_so(report: dict[str, bool], said: str) -> None:
    assert said in training_view.completed(replace(FAILED, status=Status.COMPLETED, report=report))
    good = replace(FAILED, status=Status.COMPLETED, report={"passed_gates": True, "is_more_alike": True})
    assert said not in training_view.completed(good)


def test_support_is_named_when_it_failed_twice_for_one_reason() -> None:
    twice = replace(FAILED, previous_error_code="disk")
    assert "help@example.org" in failed_words(twice)
    assert FAILED.id in failed_words(twice)
    assert "Write to" not in failed_words(twice, support_address="")


def test_cancelling_twice_is_no_reason_for_support() -> None:
    cancelled = replace(FAILED, error_code=CANCELLED, previous_error_code=CANCELLED, error="Cancelled by you.")
    assert "help@example.org" not in failed_words(cancelled)


def test_the_stage_where_it_stands_is_marked() -> None:
    running = replace(FAILED, status=Status.TRAINING, stage="prosody", error="", error_code="")
    drawn = training_view.live(running, [], position=1)
    assert drawn.count('aria-current="step"') == 1
    assert '<li class="current" aria-current="step"><span>prosody</span>' in drawn
    assert drawn.count('class="done"') == 3


def test_a_table_repeats_its_columns_at_each_cell() -> None:
    drawn = markup.table("Files", ("Name", "Size"), [["a", "1"], ["b", "2"]])
    assert drawn.count('data-label="Size"') == 2


@pytest.mark.parametrize("hostile", ['"><img src=x onerror=alert(1)>', "<script>alert(1)</script>"])
def test_names_stay_text_in_markup(hostile: str) -> None:
    drawn = (
        markup.action("remove", hostile, hostile)
        + markup.copyable(hostile, label=hostile)
        + markup.code(hostile, hostile)
        + markup.goto(Place(view="clone", clone=hostile), hostile)
        + markup.player("/x", label=hostile)
        + failed_words(replace(FAILED, error=hostile))
    )
    assert "<img" not in drawn
    assert "<script" not in drawn


def test_the_report_shows_only_what_was_measured() -> None:
    rows = [{"name": "V0", "similarity": 0.81, "word_error_rate": 0.031, "naturalness": 4.0}, {"name": "Recordings"}]
    drawn = report_card({"rows": rows})
    assert "3 %" in drawn
    assert drawn.count("–") == 3
    assert report_card({}) == ""


def test_the_python_example_is_python() -> None:
    compile(examples.python(origin="http://127.0.0.1:1", voice_id="v", model_id="m"), "example", "exec")


def test_an_expected_error_becomes_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda words, title: said.append(words))

    def refuse() -> None:
        raise Refused("Give <it> a name.")

    guarded(refuse)()
    assert said == ["Give &lt;it&gt; a name."]


def test_an_unexpected_error_is_told_by_an_id_that_the_log_knows(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda words, title: said.append(words))

    def break_down() -> None:
        raise ZeroDivisionError("secret detail")

    guarded(break_down)()
    assert "secret detail" not in said[0]
    id = said[0].rstrip(".").rsplit(" ", 1)[-1]
    assert id in caplog.text


def test_the_page_is_behind_the_routes_that_are_there(parts: Parts) -> None:
    app = FastAPI()
    app.get("/voices")(lambda: ["mine"])
    with TestClient(wizard.mount(app, parts), base_url="http://127.0.0.1") as client:
        assert client.get("/voices").json() == ["mine"]
        page = client.get("/")
        assert client.get("/?page=voices").status_code == 200
    assert page.status_code == 200
    assert "Best practices" in page.text
    assert "fonts.googleapis" not in page.text


def test_a_bar_tells_how_many_recordings_are_checked(parts: Parts) -> None:
    dataset = parts.datasets.create("Recordings")
    add_speech(parts, dataset, transcripts=False)
    files = len(parts.datasets.files(dataset.id))
    assert f'<progress value="0" max="{files}"' in progress_bar(parts.datasets.summary(dataset.id))
    for file in parts.datasets.files(dataset.id)[1:]:
        parts.datasets.remove_file(file.id)
    assert Inspector(parts).inspect_next()
    assert progress_bar(parts.datasets.summary(dataset.id)) == ""


def test_an_idle_page_leaves_the_processors_to_a_training(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = wizard._blocks(parts)._queue
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        queue.stopped = True

    monkeypatch.setattr("gradio.queueing.asyncio.sleep", pause)
    asyncio.run(queue.start_processing())
    assert pauses == [wizard.EVENTS_SECONDS]
