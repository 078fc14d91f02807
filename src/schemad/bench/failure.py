"""What ends a run without figures."""


class BenchFailed(Exception):
    """Something did not come out as it has to before its time means anything; the message says what."""
