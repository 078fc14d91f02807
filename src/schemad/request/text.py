"""Text of a request: what may stand in it, and how it is shown in a message."""

import re
import unicodedata

# Overrides and isolates that make text read differently from what it says, as in "Trojan Source".
_BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# What nobody sees, so that two texts look the same and are not, or a text has more in it than is read: soft
# hyphens, fillers, zero-width spaces, tags. The joiners U+200C and U+200D and the variation selectors are not
# among them: Persian and emoji are written with them.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)
# About a screen of white space, behind which the rest of a plan would be missed.
_GAP = re.compile(r"[\s\u2800]{200}|\n(?:[^\S\n]{0,200}\n){29}")
MAX_LINE_BREAKS = 200


def misleading_character(text: str) -> str | None:
    """The first character that would mislead or break its reader, as U+XXXX; None where there is none.

    These are controls, but for line breaks and tabs; bidirectional formats; lone surrogates; invisible ones.
    """
    for c in text:
        if c.isascii() and c.isprintable():
            continue
        if (
            c in _BIDIRECTIONAL
            or _INVISIBLE.match(c)
            or (c not in "\n\t" and unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"})
        ):
            return f"U+{ord(c):04X}"
    return None


def has_gap(text: str) -> bool:
    """Whether its white space would push what comes after it off a reader's screen."""
    return text.count("\n") > MAX_LINE_BREAKS or _GAP.search(text) is not None


def shorten(given: str, limit: int = 80) -> str:
    """Text of a request as it may be shown in a message: cut, and without control characters."""
    shown = given[:limit]
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else "?" for c in shown)
    return shown + "…" if len(given) > limit else shown
