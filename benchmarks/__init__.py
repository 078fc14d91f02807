"""How fast it is, as ratios to the least that PostgreSQL itself takes; everything interleaved in one run."""
