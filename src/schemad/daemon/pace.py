"""The pace: how soon a daemon that was woken in vain looks again.

Anybody in the database can notify its channels. A flood of that costs few queries, whatever its size.
"""

# Seconds for each sweep that found nothing, once the free ones are used up.
INTERVAL = 0.125
# As many may follow each other at once: what wakes a daemon in vain in earnest, such as a second daemon that was
# faster, comes in small numbers.
FREE = 4


class Pace:
    """Books each sweep in vain. Times are in seconds, of a clock that never goes back."""

    def __init__(self) -> None:
        self._booked = 0.0

    def swept_in_vain(self, now: float) -> None:
        """A sweep that a wake-up caused found nothing."""
        self._booked = max(self._booked, now) + INTERVAL

    def swept_in_earnest(self) -> None:
        """A sweep found something: whoever wakes the daemon has reason to."""
        self._booked = 0.0

    def rest(self, now: float) -> float:
        """Seconds until the next wake-up should be followed; none for one that comes after a while of silence."""
        return max(0.0, self._booked - FREE * INTERVAL - now)
