"""What the review of transcripts shows of a dataset's clips."""

import gradio as gr

from playground.pages.review import ReviewPage, clips_table, status_line
from playground.parts import Parts
from playground.services.transcripts import Review, ReviewClip
from storage.records import Clip, TranscriptSource
from tests.making import checked_dataset

CLIP = Clip(dataset_id="d", file_id="f", path="", start_seconds=65.0, duration_seconds=4.0)


def row(**changes: object) -> str:
    return clips_table([ReviewClip(clip=Clip(**{**vars(CLIP), **changes}), filename="a <b>.wav")])  # type: ignore[arg-type]


def test_a_clip_is_named_by_its_recording_and_its_place_in_it() -> None:
    drawn = row(transcript="Good <morning>.", transcript_source=TranscriptSource.EDITED)
    assert "a &lt;b&gt;.wav, 1:05" in drawn
    assert ">Good &lt;morning&gt;.</textarea>" in drawn
    assert f'src="/datasets/d/clips/{CLIP.id}/audio"' in drawn
    assert ">Edited<" in drawn


def test_a_doubtful_clip_says_how_sure_recognition_was_and_what_text_was_given() -> None:
    drawn = row(
        transcript="Could morning.", transcript_source=TranscriptSource.HEARD, confidence=0.41, given="Good morning."
    )
    assert ">Doubtful<" in drawn and "41 % sure" in drawn
    assert "Your text here: “Good morning.”" in drawn and 'data-action="use"' in drawn


def test_an_excluded_clip_can_be_included_again() -> None:
    drawn = row(is_excluded=True)
    assert ">Excluded<" in drawn
    assert 'data-action="include"' in drawn and 'data-action="exclude"' not in drawn


def test_the_status_names_only_what_there_is() -> None:
    counts = {"lines": (), "waiting": 0, "excluded": 0, "excluded_seconds": 0.0, "can_undo": False}
    assert status_line(Review(clips=1, doubtful=0, **counts)) == "<p>1 clip</p>"  # type: ignore[arg-type]
    some = {**counts, "waiting": 3, "excluded": 2, "excluded_seconds": 8.4}
    words = status_line(Review(clips=2000, doubtful=12, **some))  # type: ignore[arg-type]
    assert words == "<p>2,000 clips · 12 doubtful · 3 still to be heard · 2 excluded (0:08)</p>"


def test_of_many_clips_a_page_is_drawn(parts: Parts) -> None:
    dataset = checked_dataset(parts, clips=120)
    review = parts.transcripts.review(dataset.id, limit=50)
    assert clips_table(review.lines).count("<textarea") == 50
    assert status_line(review).startswith("<p>120 clips")


def test_more_clips_are_the_next_doubtful_ones_after_the_first_were_corrected(parts: Parts) -> None:
    dataset = checked_dataset(parts, clips=120)
    with parts.storage.write() as tables:
        for clip in tables.clips.of_dataset(dataset.id):
            tables.clips.update(clip.id, transcript="?", heard="?", transcript_source="heard", confidence=0.1)
    with gr.Blocks():
        page = ReviewPage(parts, gr.HTML())
    first = parts.transcripts.review(dataset.id, limit=50).lines
    for line in first[:40]:
        parts.transcripts.edit(line.clip.id, "Corrected.")
    turned = page._turn(f"view=review&dataset={dataset.id}", 0, first, 1)
    assert turned[page._offset] == 10
    unseen = parts.transcripts.review(dataset.id, limit=50, offset=10).lines
    assert [line.clip.id for line in turned[page._lines]] == [line.clip.id for line in unseen]
    assert not {line.clip.id for line in unseen} & {line.clip.id for line in first}
