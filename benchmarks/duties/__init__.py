"""Duties: what each thing costs that schemad does beyond a bare `CREATE TABLE`, by leaving them out in turn."""
