"""Profile: on what the daemon spends its CPU while single requests come."""
