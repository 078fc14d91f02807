"""What is somebody else's: other roles' tables, the database's own, the control tables."""

from collections.abc import Iterator

from tests.hostile.case import ONE_FIELD, Case, field

ACTIONS = ("drop", "deprecate", "restore", "ensure")
# others_table is one that another role asked for; the rest schemad did not make.
OTHERS = (
    "others_table",
    "OTHERS_TABLE",
    "canary",
    "Canary",
    "canary_view",
    "canary_id_seq",
    "canary_kind",
    "canary_pkey",
)
CONTROL = (
    "policy",
    "safe_types",
    "protected_tables",
    "migrations",
    "schema_fields",
    "notifications",
    "auto_create_log",
)


def cases() -> Iterator[Case]:
    for table in OTHERS:
        for action in ACTIONS:
            yield Case("targets", {"action": action, "fields": ONE_FIELD}, table=table)
        yield Case("targets", {"fields": [{"name": "note", "type": "integer"}]}, table=table)
        yield Case("targets", {"fields": [{"name": "id", "type": "text"}], "primary_key": []}, table=table)
        yield Case("targets", {"fields": ONE_FIELD, "checks": ["a <> ''"], "unique": [["a"]]}, table=table)
        for on_delete in ("cascade", "set null", "set default", "restrict", "no action"):
            yield Case("targets", field("bigint", references={"table": table, "on_delete": on_delete}))
    for table in CONTROL:
        for action in ACTIONS[:3]:
            yield Case("targets", {"action": action}, table=table)
        yield Case("targets", field("bigint", references={"table": table}))
    for table in (
        "pg_class",
        "pg_authid",
        "pg_catalog.pg_class",
        "information_schema.tables",
        "schemad.policy",
        "nowhere",
    ):
        yield Case("targets", {"action": "drop"}, table=table)
        yield Case("targets", field("bigint", references={"table": table}))
    for action in (
        "DROP",
        "Drop",
        "drop ",
        "truncate",
        "delete",
        "alter",
        "grant",
        "create",
        "",
        "ensure; DROP TABLE canary",
    ):
        yield Case("targets", {"action": action, "fields": ONE_FIELD})
    for on_delete in ("cascade; DROP TABLE canary", "CASCADE --", "delete", "", "set null (a)"):
        yield Case("targets", field("bigint", references={"table": "others_table", "on_delete": on_delete}))
    for method in ("btree; DROP TABLE canary", "btree (a); --", "evil", "spgist", "", "gin_trgm_ops", "btree\n"):
        yield Case("targets", {"fields": ONE_FIELD, "indexes": [{"fields": ["a"], "method": method}]})
    # A key of its own table that is none, a type that does not match, an index that the type has no class for.
    yield Case("targets", field("bigint", references={"table": "others_table", "field": "note"}))
    yield Case("targets", field("text", references={"table": "others_table"}))
    yield Case("targets", {"fields": [{"name": "a", "type": "json"}], "indexes": [{"fields": ["a"]}]})
    yield Case("targets", {"fields": [{"name": "a", "type": "json"}], "unique": [["a"]]})
