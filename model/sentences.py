"""The sentences by which voices are checked and compared, for each language: everyday words, every sound."""

TEST_SENTENCES: dict[str, tuple[str, ...]] = {
    "en": (
        "The garden behind our house is full of yellow roses, and the bees love every single one of them.",
        "Would you mind closing the window before the thunderstorm reaches the valley this afternoon?",
        "My younger brother measured the kitchen table twice, yet the cloth he bought was still too short.",
        "Fresh coffee, warm bread and a good newspaper: that is how a quiet Sunday should begin.",
    ),
}
