"""Exit codes: the one place that knows them, for every verb."""

import signal
from enum import IntEnum


class ExitCode(IntEnum):
    """How a run ended. `meaning` says it in words, for the reference."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "ExitCode":
        """A code, with what it means."""
        made = int.__new__(cls, code)
        made._value_ = code
        made.meaning = meaning
        return made

    DONE = 0, "It is done: what was asked for is there, what was looked for was found, nothing is to be mended."
    FAILED = (
        1,
        (
            "It failed: the server can't be reached or said no, there is no such request or table, PostgreSQL "
            "refused the plan, something is to be mended, the schema is behind."
        ),
    )
    BAD_INPUT = (
        2,
        (
            "What was given is wrong: the command line, a file, a setting, or a request that nobody could approve "
            "as it is. The same again ends the same."
        ),
    )
    WAITS = 3, "The request waits: for a reviewer, or for a daemon that has not got to it. It is kept."
    GAVE_UP = 4, "The daemon ended by itself: a part of it failed over and over."
    INTERRUPTED = 128 + signal.SIGINT, "Ctrl-C. `schemad run` and `dev` end in order on it, with 0."
    # Windows has no SIGPIPE; the code is the same.
    READER_GONE = 141, "Whoever read the output has gone, as in `schemad rules | head -1`."
    TERMINATED = 128 + signal.SIGTERM, "SIGTERM. `schemad run` and `dev` end in order on it, with 0."
