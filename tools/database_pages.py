"""The pages that are read from a migrated database: its comments, columns and grants."""

import re

from schemad.store import Connection
from tools.markdown import DIRECTORY, head, one_line, read, table, with_part

# Of the roles that people and programs are granted, by what they do.
_ROLES = {"schemad_requester": "requester", "schemad_reviewer": "reviewer", "schemad_daemon": "daemon"}

_API_INTRO = """\
All of it is in the schema `schemad`.
Arguments may be given by name, as in `schemad.list_requests(status => 'pending')`.
`\\df+ schemad.*` shows the same text in psql.

A plain `INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload)` is as good as
`submit_request()`: the same trigger checks it.
`COPY` is not: PostgreSQL refuses it where there is row-level security. For many at once, `INSERT … SELECT`.
"""
_INTERNAL = """\
## Internal

These serve the functions above, the triggers and the daemon.
Their signatures may change with any version.
"""
_TABLES_INTRO = """\
All of them are in the schema `schemad`.
Whoever ran `schemad migrate` owns them; [privileges](privileges.md) tells what the roles are for.
"""

_FUNCTIONS = """
SELECT p.proname AS name,
  p.prokind = 'p' AS is_procedure,
  pg_get_function_arguments(p.oid) AS arguments,
  pg_get_function_result(p.oid) AS result,
  obj_description(p.oid, 'pg_proc') AS comment,
  array(
    SELECT r.rolname::text FROM unnest($1::text[]) WITH ORDINALITY AS g (name, place)
    JOIN pg_roles AS r ON r.rolname = g.name
    WHERE has_function_privilege(r.oid, p.oid, 'EXECUTE')
    ORDER BY g.place
  ) AS roles
FROM pg_proc AS p
WHERE p.pronamespace = 'schemad'::regnamespace AND p.prorettype <> 'trigger'::regtype
ORDER BY p.proname
"""

_RELATIONS = """
SELECT c.oid, c.relname AS name, c.relkind = 'v' AS is_view, obj_description(c.oid, 'pg_class') AS comment
FROM pg_class AS c
WHERE c.relnamespace = 'schemad'::regnamespace AND c.relkind IN ('r', 'v')
ORDER BY c.relname
"""

_COLUMNS = """
SELECT a.attname AS name,
  format_type(a.atttypid, a.atttypmod) AS type,
  a.attnotnull AS not_null,
  CASE WHEN a.attidentity <> '' THEN 'identity' ELSE pg_get_expr(d.adbin, d.adrelid) END AS "default",
  col_description(a.attrelid, a.attnum) AS comment
FROM pg_attribute AS a
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""

_PRIVILEGES = """
SELECT r.rolname::text AS role,
  array(
    SELECT p.privilege FROM unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) WITH ORDINALITY AS p (privilege, place)
    WHERE has_table_privilege(r.oid, $1::oid, p.privilege)
    ORDER BY p.place
  ) AS whole,
  array(
    SELECT concat(p.privilege, ' of ', string_agg(a.attname, ', ' ORDER BY a.attnum))
    FROM unnest('{INSERT,UPDATE}'::text[]) AS p (privilege), pg_attribute AS a
    WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
      AND NOT has_table_privilege(r.oid, $1::oid, p.privilege)
      AND has_column_privilege(r.oid, $1::oid, a.attnum, p.privilege)
    GROUP BY p.privilege
    ORDER BY p.privilege
  ) AS columns
FROM unnest($2::text[]) WITH ORDINALITY AS g (name, place)
JOIN pg_roles AS r ON r.rolname = g.name
ORDER BY g.place
"""


async def pages_of_database(connection: Connection) -> dict[str, str]:
    """The pages that are read from a migrated database, by file name."""
    return {
        "sql-api.md": await sql_api_page(connection),
        "tables.md": await tables_page(connection),
        "privileges.md": await privileges_page(connection),
    }


async def sql_api_page(connection: Connection) -> str:
    """Every function of the schema, from its comment.

    Args:
        connection: To a migrated database, with the roles installed.
    """
    rows = await connection.fetch(_FUNCTIONS, list(_ROLES))
    functions = [(row, ", ".join(_ROLES[role] for role in row["roles"]) or "owner") for row in rows]
    api = [(row, who) for row, who in functions if not _is_internal(row["comment"], row["roles"])]
    internal = [(row, who) for row, who in functions if _is_internal(row["comment"], row["roles"])]
    parts = [
        head("SQL API"),
        _API_INTRO,
    ]
    for row, who in api:
        kind = "CALL" if row["is_procedure"] else ""
        arguments = _arguments(row["arguments"])
        result = "" if row["is_procedure"] else f" → {row['result']}"
        parts += [
            f"## {row['name']}\n",
            "```text by=reference-pages",
            f"{kind} schemad.{row['name']}({arguments}){result}".strip(),
            "```\n",
            f"{one_line(row['comment'])}\n",
            f"Who may: {who}.\n",
        ]
    parts += [
        _INTERNAL,
        table(
            ("function", "what it does", "who may"),
            ((f"`{row['name']}`", one_line(row["comment"]), who) for row, who in internal),
        ),
    ]
    return "\n".join(parts).rstrip() + "\n"


async def tables_page(connection: Connection) -> str:
    """Every table and view of the schema, from its comments.

    Args:
        connection: To a migrated database, with the roles installed.
    """
    parts = [
        head("Tables"),
        _TABLES_INTRO,
    ]
    for relation in await connection.fetch(_RELATIONS):
        columns = await connection.fetch(_COLUMNS, relation["oid"])
        rows = [
            (
                f"`{c['name']}`",
                f"{c['type']}{' NOT NULL' if c['not_null'] else ''}",
                f"`{c['default']}`" if c["default"] else "",
                one_line(c["comment"]),
            )
            for c in columns
        ]
        parts += [
            f"## {relation['name']}{' (view)' if relation['is_view'] else ''}\n",
            f"{one_line(relation['comment'])}\n",
            table(("column", "type", "default", "what it is"), rows),
            "",
        ]
        for row in await connection.fetch(_PRIVILEGES, relation["oid"], list(_ROLES)):
            may = [", ".join(row["whole"]), *row["columns"]]
            parts.append(f"- {_ROLES[row['role']]}: {'; '.join(filter(None, may)) or 'nothing'}")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


async def privileges_page(connection: Connection) -> str:
    """The page on privileges, with the exact grants of each role between the marks that it has for them.

    Args:
        connection: To a migrated database, with the roles installed.
    """
    page = read(DIRECTORY / "privileges.md")
    relations = await connection.fetch(_RELATIONS)
    functions = await connection.fetch(_FUNCTIONS, list(_ROLES))
    for role in _ROLES:
        rows = []
        for relation in relations:
            held = await connection.fetchrow(_PRIVILEGES, relation["oid"], [role])
            assert held is not None  # noqa: S101 - the roles are installed
            if may := "; ".join(filter(None, [", ".join(held["whole"]), *held["columns"]])):
                rows.append((f"`{relation['name']}`", may))
        called = ", ".join(f"`{row['name']}()`" for row in functions if role in row["roles"])
        grants = table(("on", "privileges"), [*rows, ("functions", f"EXECUTE of {called}")])
        page = with_part(page, f"grants of {role}", grants)
    return page


def _is_internal(comment: str, roles: list[str]) -> bool:
    """Whether a function is only for schemad's own: its comment says so, or it shows nobody how, and none may."""
    return "Internal to " in comment or not (roles or "Example: " in comment)


def _arguments(arguments: str) -> str:
    """The arguments of a function, one a line where there are many; without casts that say nothing new."""
    listed = [re.sub(r"^IN |::\w+$", "", argument) for argument in arguments.split(", ")]
    return ", ".join(listed) if len(listed) <= 2 else "\n  " + ",\n  ".join(listed) + "\n"
