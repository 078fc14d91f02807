"""The command line: verbs over the other rooms, and the only place that prints."""
