"""Text of a request: what misleads its reader is found, and what is shown of it can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemad.request.text import has_gap, misleading_character, shorten


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\0b", "U+0000"),
        ("\x1b[2J", "U+001B"),
        ("a\rb", "U+000D"),
        ("\x7f", "U+007F"),
        ("\x85", "U+0085"),
        ("\u2028", "U+2028"),
        ("\u2029", "U+2029"),
        ("admin\u202enimda", "U+202E"),
        ("\u2066", "U+2066"),
        ("\u061c", "U+061C"),
        ("\ud800", "U+D800"),
        ("a\u200bb", "U+200B"),
        ("\ufeff", "U+FEFF"),
        ("\u3164", "U+3164"),
        ("a\u034fb", "U+034F"),
        ("a\u00adb", "U+00AD"),
        ("a\U000e0041", "U+E0041"),
    ],
)
def test_controls_and_direction_marks_are_found(text: str, expected: str) -> None:
    assert misleading_character(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\nb\tc",
        "O'Brien",
        "Größe",
        "日本語",
        "👩‍👩‍👧",
        "עברית",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "हिन्दी",
        "한국어",
        "❤\ufe0f",
        "e\u0301",
        "\u00a0",
    ],
)
def test_ordinary_text_of_any_language_passes(text: str) -> None:
    assert misleading_character(text) is None


@given(st.text(), st.integers(1, 100))
def test_shown_text_is_short_and_printable(text: str, limit: int) -> None:
    shown = shorten(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit + 1


@given(st.text(st.characters(categories=["L", "N"]), max_size=80))
def test_short_printable_text_is_shown_as_it_is(text: str) -> None:
    assert shorten(text) == text


@pytest.mark.parametrize(
    "text", ["a" + "\n" * 30 + "b", "a" + " \n" * 31, "\u3000" * 200, "\u2800\t" * 100, "a line\n" * 201]
)
def test_white_space_that_would_hide_what_comes_after_it_is_found(text: str) -> None:
    assert has_gap(text)


@pytest.mark.parametrize("text", ["", "a line\n\n" * 100, "a" + " " * 199 + "b", "a" + "\n" * 29 + "b"])
def test_paragraphs_and_indentation_are_no_gap(text: str) -> None:
    assert not has_gap(text)


def test_text_is_cut_only_where_it_is_longer_than_what_is_shown() -> None:
    assert shorten("x" * 80) == "x" * 80
    assert shorten("x" * 81) == "x" * 80 + "…"
