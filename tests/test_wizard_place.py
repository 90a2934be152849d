"""The address of a place: what the query says, and back."""

import pytest

from playground.pages.place import Place, link


@pytest.mark.parametrize(
    "place",
    [
        Place(),
        Place(view="voices"),
        Place(view="speech", voice="6ccbfb76-1fc6-48f7-b71d-91ac6298247b"),
        Place(view="datasets", dataset="dataset_1"),
        Place(view="review", dataset="dataset_1"),
        Place(view="review", dataset="dataset_1", clone="fine_tune_1"),
        Place(view="clone", clone="fine_tune_1"),
        Place(view="clone", clone="fine_tune_1", step=4),
    ],
)
def test_a_place_survives_the_address_bar(place: Place) -> None:
    assert Place.parse(place.query) == place


@pytest.mark.parametrize("query", ["clone=x&step=four", "clone=x&step=44", "clone=x&step=-1", "clone=x&unknown=1"])
def test_what_an_address_should_not_say_is_left_out(query: str) -> None:
    assert Place.parse(query) == Place(view="clone", clone="x")


def test_page_is_understood_as_view() -> None:
    assert Place.parse("page=voices") == Place(view="voices")


def test_home_has_the_bare_address() -> None:
    assert link(Place()) == "/"


def test_ids_cannot_break_out_of_a_link() -> None:
    assert '"' not in link(Place(view="clone", clone='"><script>'))
