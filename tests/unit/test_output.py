"""What a request brought reaches no terminal as a character that nobody can see."""

import sys
import unicodedata

from schemad.cli.output import one_line, visible

UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_every_character_that_can_not_be_seen_is_shown_by_its_number_and_all_others_as_they_are() -> None:
    for first in range(0, sys.maxunicode + 1, 256):
        block = [chr(code) for code in range(first, first + 256)]
        assert visible("".join(block)) == "".join(map(_shown, block))


def _shown(character: str) -> str:
    unseen = unicodedata.category(character) in UNSEEN and character != "\n"
    return f"<U+{ord(character):04X}>" if unseen else character


def test_text_on_one_line_has_no_line_breaks_and_stays_text() -> None:
    assert one_line("a\nb\tc\rd\u2028e") == "a b c<U+000D>d<U+2028>e"
    assert one_line("Größe, 価格 ✓") == "Größe, 価格 ✓"
    assert visible("two\nlines\u200b") == "two\nlines<U+200B>"
