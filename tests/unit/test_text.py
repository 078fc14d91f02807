"""Text of a request: what misleads its reader is found, and what is shown of it can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemad.request.text import misleading_character, shorten


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\0b", "U+0000"),
        ("\x1b[2J", "U+001B"),
        ("a\rb", "U+000D"),
        ("\x7f", "U+007F"),
        ("\x85", "U+0085"),
        ("\u2028", "U+2028"),
        ("admin\u202enimda", "U+202E"),
        ("\u2066", "U+2066"),
        ("\u061c", "U+061C"),
        ("\ud800", "U+D800"),
    ],
)
def test_controls_and_direction_marks_are_found(text: str, expected: str) -> None:
    assert misleading_character(text) == expected


@pytest.mark.parametrize("text", ["", "a\nb\tc", "O'Brien", "Größe", "日本語", "👩‍👩‍👧", "עברית", "\u00a0"])
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
