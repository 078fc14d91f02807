"""Measurements that are no part of the program; `schemad bench` has the others."""
