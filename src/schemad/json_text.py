"""JSON as text, which is passed on and never read."""


class JsonText(str):
    """A value of JSON as it is written.

    Whoever asks chooses it: read, a number could lose digits or have more than Python takes, and lists in lists
    could be more than its stack holds.
    """

    __slots__ = ()
