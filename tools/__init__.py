"""Programs for those who work on schemad."""
