"""Text of a request: what may stand in it, and how it is shown in a message."""

import unicodedata

# Overrides and isolates that make text read differently from what it says, as in "Trojan Source".
_BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def misleading_character(text: str) -> str | None:
    """The first character that would mislead or break its reader, as U+XXXX; None where there is none.

    These are controls, but for line breaks and tabs; bidirectional formats; lone surrogates.
    """
    for c in text:
        if c in _BIDIRECTIONAL or (c not in "\n\t" and unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}):
            return f"U+{ord(c):04X}"
    return None


def shorten(given: str, limit: int = 80) -> str:
    """Text of a request as it may be shown in a message: cut, and without control characters."""
    shown = given[:limit]
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else "?" for c in shown)
    return shown + "…" if len(given) > limit else shown
