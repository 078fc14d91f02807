"""What a person reads of a request: the field, what is wrong with it and the rule, for each thing that can be."""

from dataclasses import replace
from typing import Any

import pytest

from schemad.policy import TableFacts
from schemad.policy.facts import Quota
from schemad.request.types import Family, KnownType
from tests.unit.strategies import POLICY
from tests.unit.test_rules import ONE, REFERS, TABLE, Example, of, referenced

_POSINT = KnownType("posint", Family.OTHER, catalog_name="app.posint", sql_name="app.posint")
WITH_POSINT = replace(POLICY, further_types={"posint": _POSINT}, auto_types=POLICY.auto_types | {"posint"})
GAP = "a" + "\n" * 40 + "b"


def checked(*checks: str) -> dict[str, Any]:
    return {"fields": ONE, "checks": checks}


def computed(type_text: str, expression: Any) -> dict[str, Any]:
    return of(type_text, {"expression": expression})


SAID: list[tuple[Example, list[str]]] = [
    (Example({"fields": ONE}, name="1a"), ['"1a" is not a name [name.invalid]']),
    (
        Example({"fields": ONE}, name="x" * 64),
        ['"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" has 64 bytes [name.too_long]'],
    ),
    (Example({"fields": ONE}, name="pg_x"), ['"pg_x" is PostgreSQL\'s own [name.system]']),
    (Example({"fields": ONE}, name="Order"), ['"Order" is a reserved word [name.reserved]']),
    (
        Example({"fields": [{"name": "Order", "type": "text"}]}),
        ['Order: "Order" is a reserved word [name.reserved]'],
    ),
    (Example({"fields": [{"name": "", "type": "text"}]}), ['field 1: "" is not a name [name.invalid]']),
    (Example("9" * 5000), ["a number in it has more than 4,300 digits [payload.unreadable]"]),
    (Example("[" * 100000), ["it is nested too deeply [payload.unreadable]"]),
    (Example('{"a": 1e99999999999999999999}'), ["a number in it is too large [payload.unreadable]"]),
    (Example([]), ["the payload is not a JSON object [payload.not_object]"]),
    (Example({}), ["fields is missing or empty [payload.no_fields]"]),
    (Example({"fields": "a"}), ["fields is not a list [payload.no_fields]"]),
    (Example({"fields": ONE, "colour": 1}), ["unknown key colour [payload.unknown_key]"]),
    (
        Example({"fields": [{"name": "a", "type": "text", "lenght": 3}]}),
        ["a: unknown key lenght [payload.unknown_key]"],
    ),
    (Example({"fields": ["a"]}), ["field 1: it is not a JSON object [field.not_object]"]),
    (
        Example({"fields": [*ONE, {"name": 1, "type": "text"}]}),
        ["field 2: it has no name, or one that is not a string [field.name_missing]"],
    ),
    (
        Example({"fields": [{"name": "a"}]}),
        ["a: it has no type, or one that is not a string [field.type_missing]"],
    ),
    (Example(of("text", nullable="no")), ["a: nullable: it is neither true nor false [payload.wrong_type]"]),
    (Example(of("text", description=1)), ["a: description: it is not a string [payload.wrong_type]"]),
    (Example(of("text", metadata=[])), ["a: metadata: it is not an object [payload.wrong_type]"]),
    (Example(of("text", references="b")), ["a: references: it is not an object [payload.wrong_type]"]),
    (Example(of("text", references={})), ["a: references.table is missing [payload.wrong_type]"]),
    (
        Example(of("text", references={"table": "b", "on_delete": "vanish"})),
        [
            (
                "a: references.on_delete is no action, restrict, cascade, set null, set default, "
                "not vanish [payload.wrong_type]"
            )
        ],
    ),
    (
        Example(of("text", references={"table": "1b", "field": "c d"})),
        ['a: "1b" is not a name [name.invalid]', 'a: "c d" is not a name [name.invalid]'],
    ),
    (Example({"fields": ONE, "unique": ["a"]}), ["unique.0: it is not a list [payload.wrong_type]"]),
    (
        Example({"fields": ONE, "indexes": [{"fields": []}]}),
        ["indexes.0.fields: it is empty [payload.wrong_type]"],
    ),
    (
        Example({"fields": ONE, "indexes": [{"fields": ["a"], "method": "rum"}]}),
        ["indexes.0.method is btree, hash, gin, gist, brin, not rum [payload.wrong_type]"],
    ),
    (
        Example({"fields": ONE, "primary_key": ["a"] * 33}),
        ["primary_key: it has more than 32 entries [payload.wrong_type]"],
    ),
    (
        Example({"fields": ONE, "action": "truncate"}),
        ["action is ensure, deprecate, restore, drop, not truncate [payload.action_unknown]"],
    ),
    (Example({"fields": ONE, "action": 1}), ["action is not a string [payload.action_unknown]"]),
    (Example({"fields": ONE * 1601}), ["1601 fields [payload.too_many_fields]"]),
    (
        Example('{"fields": [{"name": "a", "type": "text", "description": "\\ud800"}]}'),
        ["a: the description has U+D800 [payload.control_character]"],
    ),
    (
        Example({"fields": ONE, "description": "\u202e"}),
        ["the description has U+202E [payload.control_character]"],
    ),
    (Example(of("text", description="\u202e")), ["a: the description has U+202E [payload.control_character]"]),
    (
        Example({"fields": ONE, "description": GAP}),
        ["the description has a long gap, and more after it [payload.gap]"],
    ),
    (Example(of("text", description=GAP)), ["a: the description has a long gap, and more after it [payload.gap]"]),
    (Example(of("text", GAP)), ["a: the default has a long gap, and more after it [payload.gap]"]),
    (Example(computed("text", f"'{GAP}'")), ["a: the default has a long gap, and more after it [payload.gap]"]),
    (Example(checked(f"a <> '{GAP}'")), ["a check has a long gap, and more after it [payload.gap]"]),
    (Example({"fields": [*ONE, {"name": "A", "type": "text"}]}), ["a: is there 2 times [field.duplicate]"]),
    (
        Example({"fields": ONE, "primary_key": ["B"]}),
        ['primary_key names "b", which is not a field of the request [field.not_there]'],
    ),
    (
        Example({"fields": ONE, "unique": [["b"]]}),
        ['unique names "b", which is not a field of the request [field.not_there]'],
    ),
    (
        Example({"fields": ONE, "indexes": [{"fields": ["b"]}]}),
        ['indexes names "b", which is not a field of the request [field.not_there]'],
    ),
    (Example({"fields": ONE, "unique": [["a", "A"]]}), ["a: unique names it 2 times [field.repeated]"]),
    (Example(of("serial", nullable=True)), ["a: a serial can't be null [field.nullable]"]),
    (
        Example(of("text", nullable=True) | {"primary_key": ["a"]}),
        ["a: the primary key can't be null [field.nullable]"],
    ),
    (
        Example(checked(*(f"a > '{n}'" for n in range(101)))),
        ["101 different expressions of 799 bytes; none of them was read [expression.too_many]"],
    ),
    (
        Example(checked(*(f"a > '{str(n) * 900}'" for n in range(5)))),
        ["5 different expressions of 4,530 bytes; none of them was read [expression.too_many]"],
    ),
    (
        Example({"fields": [of("bigint", references={"table": f"t{n}"})["fields"][0] for n in range(101)]}),
        ["it references 101 different tables [reference.too_many]"],
    ),
    (Example(of("varchar(10)) ; --")), ['a: "varchar(10)) ; --" can\'t be read as a type [type.malformed]']),
    (Example(of("money")), ['a: "money" is not a known type [type.unknown]']),
    (Example(of("serial[]")), ['a: "serial[]": a serial can\'t be an array [type.malformed]']),
    (Example(of("varchar(1,2)")), ['a: "varchar(1,2)" has 2 modifiers; varchar takes 1 [type.modifier]']),
    (Example(of("text(5)")), ['a: "text(5)" has 1 modifier; text takes none [type.modifier]']),
    (Example(of("varchar(0)")), ['a: "varchar(0)": 0 is not in 1 to 10485760 [type.modifier]']),
    (Example(of("numeric(10,1001)")), ['a: "numeric(10,1001)": 1001 is not in -1000 to 1000 [type.modifier]']),
    (Example(computed("text", "1" * 1001)), ["a: the expression has 1001 bytes [expression.too_long]"]),
    (
        Example(computed("text", "1\x0b")),
        ["a: the expression has control, format or invisible characters [expression.unreadable]"],
    ),
    (
        Example(computed("text", "U&'\\202e'")),
        ["a: a constant has control, format or invisible characters [expression.unreadable]"],
    ),
    (
        Example(computed("text", "1; 2")),
        ['a: not one expression: syntax error at or near ";" [expression.unreadable]'],
    ),
    (
        Example(computed("text", "1 FROM x")),
        ['a: not one expression: syntax error at or near "FROM" [expression.unreadable]'],
    ),
    (Example(computed("text", "1, 2")), ["a: not one expression: it is a list [expression.unreadable]"]),
    (Example(computed("text", "1) AS x, (2")), ["a: not one expression: it is a list [expression.unreadable]"]),
    (Example(computed("text", "(1, 2)")), ["a: not one expression: it is a list [expression.unreadable]"]),
    (
        Example(computed("text", "1) FROM x WHERE (true")),
        ["a: not one expression: it has clauses of a query [expression.unreadable]"],
    ),
    (
        Example(computed("text", "1); DROP TABLE x; SELECT (1")),
        ["a: not one expression: it is not a single expression [expression.unreadable]"],
    ),
    (
        Example(checked(*(f"a > '{n}{'x' * 993}'" for n in range(5)))),
        ["5 different expressions of 5,000 bytes; none of them was read [expression.too_many]"],
    ),
    (
        Example(computed("text", "(1) x")),
        ['a: not one expression: syntax error at or near "x" [expression.unreadable]'],
    ),
    (
        Example(computed("text", "1 +")),
        ['a: not one expression: syntax error at or near ")" [expression.unreadable]'],
    ),
    (Example(computed("text", "(SELECT 1)")), ["a: the expression has a query [expression.query]"]),
    (Example(computed("text", "$1")), ["a: the expression has a parameter [expression.query]"]),
    (Example(computed("text", "x.*")), ["a: the expression has a * [expression.query]"]),
    (Example(computed("text", "DEFAULT")), ["a: the expression has DEFAULT [expression.query]"]),
    (Example(computed("text", 5)), ["a: the expression is not a string [default.does_not_fit]"]),
    (
        Example(computed("text", "b")),
        ['a: the default (b) names "b", which it can\'t [expression.column_unknown]'],
    ),
    (Example(checked("B > 'x'")), ["the check (b > 'x') names \"b\", which it can't [expression.column_unknown]"]),
    (
        Example(checked("\u0440g(a) = a")),
        [
            'the check ("\u0440g"(a) = a) has the name "\u0440g" with \u0440 (U+0440) [expression.foreign_name]',
            'the check ("\u0440g"(a) = a) calls \u0440g with 1 argument [expression.function_not_allowed]',
        ],
    ),
    (
        Example(computed("text", "CURRENT_USER")),
        ["a: the default (current_user) has a CURRENT_USER [expression.construct_not_allowed]"],
    ),
    (
        Example(computed("text", "upper(" * 9 + "'a'" + ")" * 9)),
        [
            (
                "a: the default (upper(upper(upper(upper(upper(upper(upper(upper(upper('a')))))))))) has casts "
                "and calls 9 deep; 8 at most [expression.construct_not_allowed]"
            )
        ],
    ),
    (
        Example(checked("evil(a)")),
        ["the check (evil(a)) calls evil with 1 argument [expression.function_not_allowed]"],
    ),
    (
        Example(checked("evil()")),
        ["the check (evil()) calls evil with 0 arguments [expression.function_not_allowed]"],
    ),
    (
        Example(computed("text", "1e1001::text")),
        [
            (
                "a: the default ((1e1001)::text) has numbers of more than 1,000 digits "
                "[expression.construct_not_allowed]"
            )
        ],
    ),
    (
        Example(computed("text", "('1e' || 5)::numeric::text")),
        [
            (
                "a: the default (('1e' || 5)::numeric::text) makes a number of text "
                "[expression.construct_not_allowed]"
            )
        ],
    ),
    (
        Example(checked("a OPERATOR(public.=) ''")),
        ["the check (a OPERATOR(public.=) '') uses public.= [expression.operator_not_allowed]"],
    ),
    (Example(checked("'a' ~ 'b'")), ["the check ('a' ~ 'b') uses ~ without a field [expression.slow]"]),
    (
        Example(checked("translate('a','b','c') = a")),
        ["the check (translate('a', 'b', 'c') = a) uses translate without a field [expression.slow]"],
    ),
    (
        Example(checked("a::regclass IS NULL")),
        ["the check (a::regclass IS NULL) casts to regclass [expression.type_not_allowed]"],
    ),
    (
        Example(computed("date", "'now'::date")),
        ["a: the default ('now'::date) has the constant 'now' [expression.frozen]"],
    ),
    (Example({"fields": ONE}, name="Messages"), ["messages is a protected table [name.protected]"]),
    (Example({"action": "drop"}), ["schemad has made no table t [table.unknown]"]),
    (Example({"fields": ONE}, facts=TableFacts(relation="v")), ["t is already the name of a view [table.taken]"]),
    (
        Example({"fields": ONE}, facts=TableFacts(relation="?")),
        ["t is already the name of a relation [table.taken]"],
    ),
    (Example({"fields": ONE}, facts=TableFacts(has_type=True)), ["t is already the name of a type [table.taken]"]),
    (Example({"fields": ONE}, facts=replace(TABLE, relation="v")), ["t is now the name of a view [table.taken]"]),
    (
        Example({"fields": ONE}, facts=replace(TABLE, relation="?")),
        ["t is now the name of a relation [table.taken]"],
    ),
    (
        Example({"fields": ONE}, facts=replace(TABLE, relation=None)),
        ["the table t was dropped by hand [table.missing]"],
    ),
    (
        Example({"fields": ONE}, facts=replace(TABLE, owner_role="other")),
        ["t is a table of role other [table.another_role]"],
    ),
    (
        Example({"fields": ONE}, facts=replace(TABLE, owner_role="other", relation=None)),
        [
            "the table t was dropped by hand [table.missing]",
            "t is a table of role other, and made again would be one of role app [table.another_role]",
        ],
    ),
    (Example({"fields": ONE}, facts=replace(TABLE, is_active=False)), ["t is deprecated [table.deprecated]"]),
    (Example({"action": "drop"}, facts=TABLE), ["t and its rows would be gone [table.drop]"]),
    (
        Example(
            {"fields": [{"name": f"f{n}", "type": "text"} for n in range(3)]}, policy=replace(POLICY, max_fields=2)
        ),
        ["3 fields; the policy allows 2 [limit.fields]"],
    ),
    (
        Example(
            {"fields": [{"name": f"f{n}", "type": "text", "unique": True} for n in range(3)]},
            policy=replace(POLICY, max_indexes=2),
        ),
        ["4 indexes; the policy allows 2 [limit.indexes]"],
    ),
    (
        Example(
            {"fields": ONE},
            facts=TableFacts(quotas_reached=(Quota("tables_in_all", 1, 1), Quota("tables_per_day", 3, 4))),
        ),
        [
            "role app has 1 table; the policy allows 1 (tables_in_all) [limit.tables]",
            (
                "role app has had 4 tables made within 24 hours; the policy allows 3 (tables_per_day) "
                "[limit.tables]"
            ),
        ],
    ),
    (
        Example({"fields": ONE}, policy=replace(POLICY, auto_types=frozenset())),
        ["id: bigint needs a review [type.not_safe]", "a: text needs a review [type.not_safe]"],
    ),
    (Example(of("char(3)")), ["a: char(3) pads with spaces [type.padded]"]),
    (
        Example({"fields": ONE}, auto_create=False),
        ["it would have been done: created public.t with 2 fields [policy.auto_create_off]"],
    ),
    (
        Example({"fields": ONE}, approved_sql=""),
        ["the database or the policy changed since the approval [approval.stale]"],
    ),
    (
        Example(REFERS, facts=referenced(owner_role="other")),
        ["a: it references books, a table of role other [reference.another_role]"],
    ),
    (
        Example(REFERS, facts=referenced(bytes=2**30)),
        ["a: books has 1,073,741,824 bytes; the policy allows 104,857,600 [reference.large]"],
    ),
    (
        Example(REFERS, facts=TableFacts(references={"books": None})),
        ["a: there is no table books [reference.missing]"],
    ),
    (Example(REFERS, facts=referenced(keys=frozenset())), ["a: books.id is no key by itself [reference.no_key]"]),
    (
        Example(of("bigint", references={"table": "messages"})),
        ["a: it references the protected table messages [reference.protected]"],
    ),
    (Example(REFERS), ["a: it references books, which schemad did not make [reference.unmanaged]"]),
    (
        Example(of("bigint", references={"table": "t", "field": "a"})),
        ["a: t.a is no key by itself [reference.no_key]"],
    ),
    (Example(of("integer"), facts=TABLE), ["a: the table differs: it is text, not integer [field.conflict]"]),
    (Example(of("text", nullable=False), facts=TABLE), ["a: the table differs: it is nullable [field.conflict]"]),
    (
        Example(of("text", "x"), facts=replace(TABLE, fields=(replace(TABLE.fields[1], default="'y'"),))),
        ["a: the table differs: it has the default 'y' [field.conflict]"],
    ),
    (
        Example({"fields": ONE, "primary_key": ["a"]}, facts=TABLE),
        [
            "a: the table differs: it is nullable [field.conflict]",
            "the table differs: its primary key is (id) [field.conflict]",
        ],
    ),
    (
        Example({"fields": ONE, "primary_key": ["a"]}, facts=replace(TABLE, primary_key=("id", "a"))),
        [
            "a: the table differs: it is nullable [field.conflict]",
            "the table differs: its primary key is (id, a) [field.conflict]",
        ],
    ),
    (
        Example({"fields": [{"name": "b", "type": "serial"}]}, facts=TABLE),
        ["b: numbering the rows rewrites the table [field.rewrite]"],
    ),
    (
        Example(
            {"fields": [{"name": "b", "type": "uuid", "nullable": False, "default": "gen_random_uuid()"}]},
            facts=TABLE,
        ),
        ["b: a value of its own for each row rewrites the table [field.rewrite]"],
    ),
    (
        Example({"fields": [{"name": "b", "type": "text", "nullable": False}]}, facts=TABLE),
        ["b: the rows that are there would have no value [field.not_null]"],
    ),
    (
        Example({"fields": [{"name": "b", "type": "posint"}]}, facts=TABLE, policy=WITH_POSINT),
        ["b: app.posint may be a domain with a check, which rewrites the table [field.rewrite]"],
    ),
    (
        Example(
            {"fields": ONE, "indexes": [{"fields": ["a"]}], "unique": [["a"]], "checks": ["a > ''"]}, facts=TABLE
        ),
        ["adding 3 to the rows that are there blocks writers [key.on_filled_table]"],
    ),
    (
        Example(
            {"fields": [*ONE, {"name": "b", "type": "text"}, {"name": "c", "type": "text"}]},
            facts=TABLE,
            auto_create=False,
        ),
        ["it would have been done: added 2 fields to public.t [policy.auto_create_off]"],
    ),
    (
        Example({"fields": [*ONE, {"name": "b", "type": "text"}]}, facts=TABLE, auto_create=False),
        ["it would have been done: added 1 field to public.t [policy.auto_create_off]"],
    ),
    (
        Example({"fields": ONE, "unique": [["a"]]}, facts=replace(TABLE, is_empty=True), auto_create=False),
        ["it would have been done: added keys or indexes to public.t [policy.auto_create_off]"],
    ),
    (
        Example({"action": "deprecate"}, facts=TABLE, auto_create=False),
        ["it would have been done: deprecated public.t [policy.auto_create_off]"],
    ),
    (
        Example({"action": "restore"}, facts=replace(TABLE, is_active=False), auto_create=False),
        ["it would have been done: restored public.t [policy.auto_create_off]"],
    ),
    (
        Example({"fields": ONE}, facts=TABLE, auto_create=False),
        ["it would have been done: public.t has all of it already [policy.auto_create_off]"],
    ),
    (Example(of("text", 5)), ["a: 5 does not fit the type: it is not a string [default.does_not_fit]"]),
    (
        Example(of("varchar(3)", "abcd")),
        ['a: "abcd" does not fit the type: it is longer than 3 characters [default.does_not_fit]'],
    ),
    (Example(of("text", "a\u202eb")), ['a: "a?b" does not fit the type: it has U+202E [default.does_not_fit]']),
    (
        Example(of("integer", "x")),
        ['a: "x" does not fit the type: it is not a whole number [default.does_not_fit]'],
    ),
    (
        Example(of("smallint", 40000)),
        ["a: 40000 does not fit the type: smallint goes from -32768 to 32767 [default.does_not_fit]"],
    ),
    (
        Example(of("bigint", 1e40)),
        [
            (
                'a: "1E+40" does not fit the type: bigint goes from -9223372036854775808 to 9223372036854775807 '
                "[default.does_not_fit]"
            )
        ],
    ),
    (
        Example(of("numeric", 10**400)),
        [f"a: 1{'0' * 79}… does not fit the type: it has more than 400 digits [default.does_not_fit]"],
    ),
    (Example(of("numeric", True)), ["a: true does not fit the type: it is not a number [default.does_not_fit]"]),
    (Example(of("numeric", "x")), ['a: "x" does not fit the type: it is not a number [default.does_not_fit]']),
    (
        Example(of("numeric(5,2)", 1000)),
        [("a: 1000 does not fit the type: it has more digits than numeric(5,2) keeps [default.does_not_fit]")],
    ),
    (
        Example(of("numeric(5)", 100000)),
        [("a: 100000 does not fit the type: it has more digits than numeric(5,0) keeps [default.does_not_fit]")],
    ),
    (
        Example(of("real", "1e39")),
        [
            (
                'a: "1e39" does not fit the type: real goes from 1.4E-45 to 3.4028235E+38, and to as much below '
                "zero [default.does_not_fit]"
            )
        ],
    ),
    (
        Example(of("boolean", "maybe")),
        ['a: "maybe" does not fit the type: it is not true or false [default.does_not_fit]'],
    ),
    (
        Example(of("date", 1)),
        ["a: 1 does not fit the type: it is not a string such as 2026-01-31 [default.does_not_fit]"],
    ),
    (
        Example(of("time", 1)),
        ["a: 1 does not fit the type: it is not a string such as 13:45:00 [default.does_not_fit]"],
    ),
    (
        Example(of("timestamp", 1)),
        [("a: 1 does not fit the type: it is not a string such as 2026-01-31 13:45:00 [default.does_not_fit]")],
    ),
    (
        Example(of("interval", 5)),
        ["a: 5 does not fit the type: it is not a string such as 1 day 02:00:00 [default.does_not_fit]"],
    ),
    (Example(of("uuid", 1)), ["a: 1 does not fit the type: it is not a string [default.does_not_fit]"]),
    (
        Example(of("jsonb", "{")),
        [
            (
                'a: "{" does not fit the type: it is not JSON; a JSON string is written "\\"text\\"" '
                "[default.does_not_fit]"
            )
        ],
    ),
    (
        Example(of("jsonb", "NaN")),
        [
            (
                'a: "NaN" does not fit the type: it is not JSON; a JSON string is written "\\"text\\"" '
                "[default.does_not_fit]"
            )
        ],
    ),
    (
        Example(of("bytea", "x")),
        [
            (
                'a: "x" does not fit the type: it is not a string of hexadecimal bytes such as \\x00ff '
                "[default.does_not_fit]"
            )
        ],
    ),
    (
        Example(of("macaddr", "x")),
        [('a: "x" does not fit the type: it is not a string such as 08:00:2b:01:02:03 [default.does_not_fit]')],
    ),
    (Example(of("macaddr", 2)), ["a: 2 does not fit the type: it is not a string [default.does_not_fit]"]),
    (Example(of("inet", 3)), ["a: 3 does not fit the type: it is not a string [default.does_not_fit]"]),
    (
        Example(of("inet", "fe80::1%eth0")),
        [
            (
                'a: "fe80::1%eth0" does not fit the type: PostgreSQL keeps no zone with an address '
                "[default.does_not_fit]"
            )
        ],
    ),
    (
        Example(of("posint", 7), policy=WITH_POSINT),
        ["a: 7 does not fit the type: it is not a string [default.does_not_fit]"],
    ),
    (
        Example(of("text[]", "{}")),
        ['a: "{}" does not fit the type: the default of an array is a JSON array [default.does_not_fit]'],
    ),
    (
        Example(of("integer[]", [1, "x"])),
        ['a: [1, "x"] does not fit the type: it is not a whole number [default.does_not_fit]'],
    ),
    (Example(of("serial", 1)), ["a: a serial numbers itself [default.on_serial]"]),
    (
        Example(of("date", " Today ")),
        ['a: " Today " would stay the moment at which the table is made [default.frozen]'],
    ),
    (
        Example(
            of(
                "text",
                [
                    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                ],
            )
        ),
        [
            (
                'a: ["xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… does not '
                "fit the type: it is not a string [default.does_not_fit]"
            )
        ],
    ),
    (
        Example('{"fields": [{"name": "a", "type": "jsonb", "default": [0.1000000000000000000000000001]}]}'),
        [
            (
                'a: ["0.1000000000000000000000000001"] does not fit the type: a number in it has more digits '
                "than a JSON default keeps [default.does_not_fit]"
            )
        ],
    ),
    (
        Example(computed("text", "\u0440\u0430(1)")),
        [
            (
                'a: the default ("\u0440\u0430"(1)) has the name "\u0440\u0430" with \u0440 (U+0440), '
                "\u0430 (U+0430) [expression.foreign_name]"
            ),
            (
                'a: the default ("\u0440\u0430"(1)) calls \u0440\u0430 with 1 argument '
                "[expression.function_not_allowed]"
            ),
        ],
    ),
    (
        Example(computed("text", "'a' OPERATOR(x.=) 'b'")),
        ["a: the default ('a' OPERATOR(x.=) 'b') uses x.= [expression.operator_not_allowed]"],
    ),
    (
        Example(computed("boolean", "'a' ~ 'b'")),
        ["a: the default ('a' ~ 'b') uses ~ without a field [expression.slow]"],
    ),
    (
        Example(computed("text", "'a'::regclass")),
        ["a: the default ('a'::regclass) casts to regclass [expression.type_not_allowed]"],
    ),
    (
        Example(checked("a COLLATE \"C\" = ''")),
        ["the check (a COLLATE \"C\" = '') has a CollateClause [expression.construct_not_allowed]"],
    ),
    (
        Example(
            of("text", nullable=True), facts=replace(TABLE, columns=(replace(TABLE.columns[1], nullable=False),))
        ),
        ["a: the table differs: it is not nullable [field.conflict]"],
    ),
    (
        Example({"fields": [{"name": "x" * 70, "type": "text"}]}),
        [f'{"x" * 63}…: "{"x" * 70}" has 70 bytes [name.too_long]'],
    ),
    (
        Example({"fields": [{"name": "x" * 70}]}),
        [f"{'x' * 63}…: it has no type, or one that is not a string [field.type_missing]"],
    ),
    (
        Example(of("integer", "é")),
        ['a: "é" does not fit the type: it is not a whole number [default.does_not_fit]'],
    ),
]


@pytest.mark.parametrize(("example", "said"), SAID)
def test_each_thing_that_is_wrong_is_told_in_words(example: Example, said: list[str]) -> None:
    assert [str(finding) for finding in example.decided().findings] == said
