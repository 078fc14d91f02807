"""The canary: what stands around in a database that an attack could reach, and a picture of all of it."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from schemad.store import Connection

# Files that the corpus tries to write.
FILES = ("/tmp/schemad_pwned",)

# Tables with rows, a view, types and functions of somebody else's. The functions and operators have familiar
# names, and say whom they ran for.
SETUP = """
CREATE TYPE public.canary_kind AS ENUM ('a', 'b');
CREATE DOMAIN public.evil_domain AS text CHECK (VALUE <> 'x');
CREATE TABLE public.canary (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text, kind public.canary_kind DEFAULT 'a'
);
INSERT INTO public.canary (note) SELECT 'row ' || n FROM generate_series(1, 100) AS n;
CREATE VIEW public.canary_view AS SELECT note FROM public.canary;
CREATE TABLE public.messages (id bigint PRIMARY KEY, body text);
INSERT INTO public.messages VALUES (1, 'hello');
CREATE TABLE public.canary_fired (name text, session_name text);
SELECT lo_from_bytea(4242, 'canary');

CREATE FUNCTION public.evil() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO public.canary_fired VALUES ('evil', session_user);
  RETURN 'evil';
END $$;
CREATE FUNCTION public.evil(text) RETURNS text LANGUAGE sql AS 'SELECT public.evil()';
CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT public.evil()';
CREATE FUNCTION public.length(varchar) RETURNS integer LANGUAGE sql AS 'SELECT 1 FROM public.evil()';
CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz FROM public.evil()';
CREATE FUNCTION public.gen_random_uuid() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid FROM public.evil()';
CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql
  AS 'SELECT pg_catalog.clock_timestamp() FROM public.evil()';
CREATE FUNCTION public.evil_equal(varchar, varchar) RETURNS boolean LANGUAGE sql
  AS 'SELECT $1::text OPERATOR(pg_catalog.=) $2::text FROM public.evil()';
CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.evil_equal);
CREATE FUNCTION public.evil_plus(text, integer) RETURNS text LANGUAGE sql AS 'SELECT public.evil()';
CREATE OPERATOR public.+ (LEFTARG = text, RIGHTARG = integer, FUNCTION = public.evil_plus);
CREATE FUNCTION public.evil_cast(text) RETURNS public.canary_kind LANGUAGE sql
  AS 'SELECT ''a''::public.canary_kind FROM public.evil()';
CREATE CAST (text AS public.canary_kind) WITH FUNCTION public.evil_cast(text) AS IMPLICIT;
"""

# Settings under which text that was quoted for others reads otherwise, and names mean other things.
HOSTILE_SETTINGS = {
    "standard_conforming_strings": "off",
    "backslash_quote": "on",
    "escape_string_warning": "off",
    "search_path": "public, pg_catalog",
    "quote_all_identifiers": "on",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "datestyle": "German, DMY",
    "intervalstyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "xmloption": "document",
}

_WITH_OID = """
    pg_class pg_attrdef pg_constraint pg_proc pg_type pg_namespace pg_operator pg_opclass pg_opfamily pg_cast
    pg_language pg_extension pg_event_trigger pg_trigger pg_rewrite pg_policy pg_default_acl
    pg_largeobject_metadata pg_publication pg_foreign_server pg_foreign_data_wrapper
    pg_collation pg_authid pg_tablespace pg_statistic_ext
    pg_enum
""".split()
# Further catalogs, with the catalog and oid of the object that each row is about.
_ABOUT: dict[str, tuple[str, str]] = {
    "pg_attribute": ("'pg_class'::regclass", "attrelid"),
    "pg_index": ("'pg_class'::regclass", "indexrelid"),
    "pg_sequence": ("'pg_class'::regclass", "seqrelid"),
    "pg_inherits": ("'pg_class'::regclass", "inhrelid"),
    "pg_depend": ("classid", "objid"),
    "pg_shdepend": ("classid", "objid"),
    "pg_description": ("classoid", "objoid"),
    "pg_init_privs": ("classoid", "objoid"),
    "pg_auth_members": ("0", "0"),
    "pg_db_role_setting": ("0", "0"),
    "pg_seclabel": ("0", "0"),
    "pg_replication_slots": ("0", "0"),
    "pg_replication_origin": ("0", "0"),
}
# What vacuum and the like keep there, and other tests' databases.
_RESTLESS = (
    "{relpages,reltuples,relallvisible,relallfrozen,relfrozenxid,relminmxid,relhastriggers,relfilenode,"
    "rolpassword,safe_wal_size}"
)

# The table of public that an object is part of: goes with it, whatever it is.
_PARTS = """
WITH RECURSIVE part (classid, objid, root) AS (
  SELECT 'pg_class'::regclass::oid, c.oid, c.relname::text
  FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
  UNION
  SELECT d.classid, d.objid, p.root
  FROM part AS p
  JOIN pg_depend AS d ON d.refclassid = p.classid AND d.refobjid = p.objid AND d.deptype IN ('i', 'a')
)
SELECT classid, objid, min(root) AS root FROM part GROUP BY classid, objid
"""

_CONTENTS = {
    "canary": "SELECT 'canary', c::text FROM public.canary AS c",
    "canary_id_seq": "SELECT 'canary', concat(last_value, is_called) FROM public.canary_id_seq",
    "messages": "SELECT 'messages', m::text FROM public.messages AS m",
    # Whatever ran for the daemon; the tests' own sessions may well meet what is planted.
    "fired": "SELECT '', f::text FROM public.canary_fired AS f WHERE session_name = 'daemon_login'",
    "large objects": "SELECT '', o::text FROM pg_largeobject AS o",
    "policy": "SELECT '', p::text FROM schemad.policy AS p",
    "policy_changes": "SELECT '', p::text FROM schemad.policy_changes AS p",
    "safe_types": "SELECT '', t::text FROM schemad.safe_types AS t",
    "protected_tables": "SELECT '', t::text FROM schemad.protected_tables AS t",
    "rule_severities": "SELECT '', s::text FROM schemad.rule_severities AS s",
    "migrations": "SELECT '', m::text FROM schemad.migrations AS m",
    "registry": "SELECT name, r::text FROM schemad.schema_registry AS r",
    "fields": "SELECT name, f::text FROM schemad.schema_fields AS f, schemad.schema_registry AS r "
    "WHERE r.id = schema_id",
    "settings": "SELECT '', name || '=' || setting FROM pg_settings WHERE source NOT IN ('session', 'client')",
    "files": "SELECT '', f FROM pg_ls_dir('.') AS f WHERE f <> ALL ('{postmaster.pid,core}')",
    "hba": "SELECT '', pg_read_file(current_setting('hba_file'))",
    "conf": "SELECT '', pg_read_file(current_setting('config_file'))",
    "auto.conf": "SELECT '', pg_read_file('postgresql.auto.conf')",
    "locks": "SELECT '', objid::text FROM pg_locks WHERE locktype = 'advisory'",
    "written": f"SELECT '', f FROM unnest(ARRAY{list(FILES)}) AS f WHERE (pg_stat_file(f, true)).size >= 0",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a catalog or of what is watched; `table`: the one of public that it is part of, if any."""

    source: str
    table: str
    text: str


Picture = Counter[Row]


async def picture(connection: Connection) -> Picture:
    """Everything that is there, but for the content of the tables that were asked for."""
    rows: list[Row] = []
    await connection.execute("SET search_path = pg_catalog; SET quote_all_identifiers = off")
    parts = {(row["classid"], row["objid"]): row["root"] for row in await connection.fetch(_PARTS)}
    sources = {name: (f"'{name}'::regclass", "oid") for name in _WITH_OID} | _ABOUT
    for name, (classid, objid) in sources.items():
        found = await connection.fetch(
            f"SELECT {classid}::oid AS classid, {objid}::oid AS objid, "
            f"(to_jsonb(c) - '{_RESTLESS}'::text[])::text AS row FROM pg_catalog.{name} AS c"
        )
        rows += [Row(name, parts.get((row["classid"], row["objid"]), ""), row["row"]) for row in found]
    for name, sql in _CONTENTS.items():
        rows += [Row(name, root, text) for root, text in await connection.fetch(sql)]
    return Counter(rows)


def changed(before: Picture, after: Picture, asked_for: Collection[str]) -> list[str]:
    """What differs between two pictures, apart from the tables that were asked for."""
    differences = [("gone", before - after), ("new", after - before)]
    return [
        f"{what}: {row.source} {row.text[:500]}"
        for what, rows in differences
        for row in rows
        if row.table not in asked_for
    ]
