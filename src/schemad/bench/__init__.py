"""How fast it is: each figure beside its floor, taken in turns in the same run, so that their ratio counts."""
