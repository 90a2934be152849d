"""Recording in the browser: sentence by sentence, by keyboard alone, for real."""

import wave

from playwright.sync_api import Locator, Page, expect

from playground.services.scripts import script_of
from tests.e2e.browsing import play
from tests.e2e.conftest import Server

REFUSE = """navigator.mediaDevices.getUserMedia =
  () => Promise.reject(new DOMException("refused", "NotAllowedError"));"""


def open_recorder(page: Page, server: Server, name: str) -> tuple[Locator, str]:
    """The recorder of a new dataset, and the dataset's id."""
    dataset = server.parts.datasets.create(name)
    page.goto(f"{server.url}/?view=datasets&dataset={dataset.id}")
    page.get_by_text("Record in the browser").click()
    return page.locator("#dataset-recorder"), dataset.id


def test_sentences_go_from_the_microphone_into_the_dataset(page: Page, server: Server) -> None:
    recorder, dataset_id = open_recorder(page, server, "Spoken here")
    script = script_of("en")
    first, sentence = script[0], recorder.locator(".sentence")
    main = recorder.locator(".main")
    expect(sentence).to_have_text(first.text)
    expect(recorder.locator(".recorder-count")).to_have_text(f"0 of {len(script)}, 0.0 minutes")
    main.press("Space")
    expect(main).to_have_text("Stop")
    expect(recorder.locator("[data-part=judgement]")).to_have_text("Good")
    expect(recorder.locator("[data-part=time]")).to_have_text("0:03")
    page.keyboard.press("Space")
    expect(main).to_have_text("Keep, and next")
    assert play(recorder.locator("audio")) > 2.5
    page.keyboard.press("r")
    expect(recorder.locator("[data-part=time]")).to_have_text("0:04")
    page.keyboard.press("Space")
    expect(main).to_be_focused()
    page.keyboard.press("Space")
    expect(sentence).to_have_text(script[1].text)
    expect(page.locator("#dataset-files tbody tr")).to_contain_text(f"{first.name}.wav")
    page.reload()
    page.get_by_text("Record in the browser").click()
    expect(sentence).to_have_text(script[1].text)
    expect(recorder.locator(".recorder-count")).to_contain_text(f"1 of {len(script)}")
    (file,) = server.parts.datasets.files(dataset_id)
    with wave.open(str(server.parts.datasets.file_path(file))) as recording:
        assert (recording.getnchannels(), recording.getsampwidth()) == (1, 2)
        assert recording.getnframes() / recording.getframerate() > 3.5


def test_a_sentence_recorded_again_replaces_its_file(page: Page, server: Server) -> None:
    recorder, dataset_id = open_recorder(page, server, "Spoken twice")
    main = recorder.locator(".main")
    for _ in range(2):
        expect(recorder.locator(".sentence")).to_have_text(script_of("en")[0].text)
        main.press("Space")
        expect(recorder.locator("[data-part=time]")).to_have_text("0:02")
        main.press("Space")
        main.press("Space")
        expect(recorder.locator(".sentence")).to_have_text(script_of("en")[1].text)
        expect(page.locator("#dataset-files tbody tr")).to_have_count(1)
        recorder.get_by_role("button", name="Previous").click()
        expect(recorder.get_by_role("status")).to_contain_text("a new take will replace it")
    assert len(server.parts.datasets.files(dataset_id)) == 1


def test_another_language_is_read_from_its_own_script(page: Page, server: Server) -> None:
    recorder, _ = open_recorder(page, server, "Auf Deutsch nicht")
    recorder.get_by_label("Language of the sentences").select_option("fr")
    expect(recorder.locator(".sentence")).to_have_text(script_of("fr")[0].text)
    expect(recorder.locator(".sentence")).to_have_attribute("lang", "fr")


def test_a_refused_microphone_is_told_in_words(page: Page, server: Server) -> None:
    page.add_init_script(REFUSE)
    recorder, _ = open_recorder(page, server, "Refused")
    recorder.get_by_role("button", name="Record", exact=True).click()
    expect(recorder.get_by_role("status")).to_contain_text("The browser may not use the microphone.")


def test_the_recorder_fits_a_small_phone(phone: Page, server: Server) -> None:
    recorder, _ = open_recorder(phone, server, "On the phone")
    expect(recorder.locator(".main")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 320
