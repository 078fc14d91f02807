"""The pure core's tests: no database, and properties tried on many values."""

from hypothesis import settings

# A slow machine is no failure, and what failed is printed as it can be tried again: nothing is left behind.
settings.register_profile("core", deadline=None, database=None, print_blob=True)
settings.load_profile("core")
