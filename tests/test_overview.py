"""What a dataset amounts to: the score, what was left out, what would help most, and how that is drawn."""

import pytest

from model.quality import Finding, Kind, Verdict
from playground import pictures
from playground.services.findings import columns_of, duplicate_columns, rejected_columns
from playground.services.overview import DUPLICATE, EXCLUDED, FAULTS, SILENCE, amount_of, overview_of
from storage.records import DatasetFile
from tests.test_formatting import make_file


def clear(seconds: float, **changes: object) -> DatasetFile:
    known = {"verdict": "good", "usable_seconds": seconds, "duration_seconds": seconds, "loudness_lufs": -20.0}
    return make_file(**{**known, "snr_db": 45.0, **changes})


def faulty(seconds: float, *kinds: Kind, **changes: object) -> DatasetFile:
    found = [Finding(kind=kind, verdict=Verdict.POOR, reason="", advice="") for kind in kinds]
    return clear(seconds, **{**columns_of(found), **changes})


@pytest.mark.parametrize(("seconds", "amount"), [(0, 0), (900, 0.4), (1800, 0.8), (4500, 0.9), (7200, 1), (9000, 1)])
def test_half_an_hour_is_most_of_the_way_and_two_hours_all(seconds: float, amount: float) -> None:
    assert amount_of(seconds) == pytest.approx(amount)


def test_the_score_falls_with_what_is_not_clear() -> None:
    assert overview_of([clear(1800)]).score == 80
    assert overview_of([clear(1200), clear(600, verdict="poor")]).score == 64


def test_an_empty_dataset_scores_nothing_and_asks_for_speech() -> None:
    empty = overview_of([])
    assert (empty.score, empty.left_out) == (0, {})
    assert [one.words for one in empty.improvements] == ["Add 30 minutes of speech: 30 are the recommended minimum."]


def test_files_that_are_still_being_checked_count_for_nothing() -> None:
    assert overview_of([clear(60), make_file()]).usable_seconds == 60
    assert overview_of([make_file()]).unreadable == 0


def test_what_was_left_out_is_summed_up_by_reason_most_first() -> None:
    first = clear(60, duration_seconds=100, left_out={SILENCE: 30.0, "too short": 8.0})
    files = [
        first,
        clear(60, duration_seconds=65),
        make_file(**duplicate_columns(first)),
        make_file(**rejected_columns("No sound.")),
    ]
    overview = overview_of(files)
    assert list(overview.left_out.items()) == [(DUPLICATE, 100), (SILENCE, 35), ("too short", 8), (EXCLUDED, 2)]
    assert overview.unreadable == 1


def test_what_brings_most_comes_first_with_its_points() -> None:
    files = [faulty(1500, Kind.NOISE, filename="cellar.wav"), clear(240)]
    noisy, more = overview_of(files).improvements
    assert noisy.words == (
        "Record the noisy file “cellar.wav” (25.0 minutes) again in a quiet room, close to the microphone."
    )
    assert noisy.points > more.points > 0
    assert more.words == "Add 1 minute of speech: 30 are the recommended minimum."


def test_what_would_not_mend_a_file_brings_no_points() -> None:
    alone, both = faulty(1800, Kind.NOISE), faulty(1800, Kind.NOISE, Kind.MUSIC)
    points = [{one.words[:7]: one.points for one in overview_of([file]).improvements} for file in (alone, both)]
    assert points[0]["Record "] == 48
    assert (points[1]["Record "], points[1]["Replace"]) == (0, 0)


def test_little_speech_is_told_in_seconds() -> None:
    noisy = next(one for one in overview_of([faulty(2, Kind.NOISE)]).improvements if "noisy" in one.words)
    assert "(2 seconds)" in noisy.words


def test_three_things_are_named_at_most() -> None:
    files = [faulty(300, *FAULTS), make_file(**rejected_columns("No sound."))]
    assert len(overview_of(files).improvements) == 3


@pytest.mark.parametrize("kind", FAULTS)
def test_several_files_of_a_fault_are_named_together(kind: Kind) -> None:
    files = [faulty(1200, kind, filename="a.wav"), faulty(2400, kind, filename="b {}.wav"), clear(7200)]
    (named,) = overview_of(files).improvements
    assert "the 2 " in named.words and "files" in named.words and "(60.0 minutes, “b {}.wav” first)" in named.words


def test_the_bar_shows_every_part_in_its_proportion() -> None:
    drawn = pictures.minutes_picture(overview_of([clear(1800, duration_seconds=2160)]))
    assert 'class="usable" style="width:25.00%"' in drawn
    assert 'class="out-0" style="width:5.00%"' in drawn
    assert "6 minutes left out: pauses and silence" in drawn


def test_the_bar_grows_beyond_the_ideal() -> None:
    assert 'style="width:100.00%"' in pictures.minutes_picture(overview_of([clear(10_800)]))


def test_the_ring_says_its_score_and_what_it_is_made_of() -> None:
    drawn = pictures.score_picture(overview_of([clear(1200), clear(600, verdict="poor")]))
    assert "Score of the dataset: 64 of 100" in drawn
    assert "30 minutes of speech count for 80 of 100; noise and other faults take 16 off." in drawn
    assert "No usable speech yet." in pictures.score_picture(overview_of([make_file()]))
    assert "and most of it is clear" in pictures.score_picture(overview_of([clear(60), faulty(2, Kind.NOISE)]))
    assert "and all of it is clear" in pictures.score_picture(overview_of([clear(1800)]))


def test_each_file_stands_in_the_zone_of_its_figure() -> None:
    files = [clear(60, snr_db=snr) for snr in (12.0, 25.0, 26.0, 50.0)] + [make_file()]
    drawn = pictures.histogram(pictures.NOISE, files)
    assert 'aria-label="Speech above the noise: 1 file good, 2 files fair, 1 file noisy"' in drawn
    tones = [part.split('"')[0] for part in drawn.split('<rect class="')[1:]]
    assert tones == ["band poor", "band fair", "band good", "poor", "fair", "good"]


def test_figures_beyond_the_axis_are_drawn_at_its_ends() -> None:
    drawn = pictures.histogram(pictures.LOUDNESS, [clear(60, loudness_lufs=value) for value in (-90.0, 0.0)])
    assert 'x="0.1"' in drawn and f'x="{pictures.BINS - 1}.1"' in drawn


def test_nothing_is_drawn_before_anything_is_measured() -> None:
    assert pictures.files_pictures([make_file()]) == ""


def test_a_file_with_another_voice_stands_apart() -> None:
    drawn = pictures.files_pictures([clear(60, speaker_similarity=0.94), clear(60, speaker_similarity=0.6)])
    assert "One speaker: 1 file same voice, 1 file another voice?" in drawn


def test_names_of_files_stay_text_in_pictures() -> None:
    assert "<script" not in pictures.files_pictures([clear(60, filename="<script>")])
