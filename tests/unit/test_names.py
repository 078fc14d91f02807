"""Names: folded, judged by PostgreSQL's own limits, and never cut in silence."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemad.request.names import MAX_NAME_BYTES, derived_name, derived_names, fold, name_finding
from tests.unit.strategies import names


def rule(given_name: str) -> str | None:
    finding = name_finding(given_name)
    return finding.rule.id if finding else None


@pytest.mark.parametrize(
    "name",
    ["a", "_", "_1", "user_preferences", "Messages2", "PG", "pgx_1", "oid", "x" * 63, "status", "date", "name"],
)
def test_what_postgresql_takes_unquoted_is_a_name(name: str) -> None:
    assert rule(name) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "name.invalid"),
        ("1a", "name.invalid"),
        ("a-b", "name.invalid"),
        ("a b", "name.invalid"),
        ("a\n", "name.invalid"),
        ("\na", "name.invalid"),
        ("a\0", "name.invalid"),
        ('a"; DROP TABLE x; --', "name.invalid"),
        ("public.a", "name.invalid"),
        ("größe", "name.invalid"),
        ("\u212aelvin", "name.invalid"),
        ("\ud800", "name.invalid"),
        ("a\u0661", "name.invalid"),
        ("x" * 64, "name.too_long"),
        ("x" * 100_000, "name.too_long"),
        ("pg_class", "name.system"),
        ("PG_Class", "name.system"),
        ("ctid", "name.system"),
        ("tableOID", "name.system"),
        ("user", "name.reserved"),
        ("SELECT", "name.reserved"),
        ("Order", "name.reserved"),
        ("freeze", "name.reserved"),
    ],
)
def test_what_is_no_name_is_refused_by_the_rule_that_says_why(name: str, expected: str) -> None:
    assert rule(name) == expected


def test_a_refusal_shows_no_more_of_a_name_than_can_be_read() -> None:
    finding = name_finding("\x1b[31m" + "x" * 10_000)
    assert finding is not None
    assert finding.message.isprintable()
    assert len(finding.message) < 200


parts = st.lists(names, max_size=3)


@given(table=names, given_parts=parts, kind=st.sampled_from(["pkey", "key", "idx", "fkey", "check"]))
def test_a_derived_name_is_a_name_that_postgresql_does_not_cut(
    table: str, given_parts: list[str], kind: str
) -> None:
    derived = derived_name(table, *given_parts, kind=kind)
    assert len(derived.encode()) <= MAX_NAME_BYTES
    assert derived.endswith(f"_{kind}")
    assert rule(derived) in (None, "name.system")


@given(table=names, one=parts, other=parts)
@example(table="t", one=["a", "b"], other=["a_b"])
@example(table="t", one=["a", "b_c"], other=["a_b", "c"])
@example(table="t", one=["x" * 62 + "1"], other=["x" * 62 + "2"])
@example(table="t" * 63, one=["a"], other=["b"])
def test_different_parts_of_a_table_have_different_derived_names(
    table: str, one: list[str], other: list[str]
) -> None:
    same = derived_name(table, *one, kind="key") == derived_name(table, *other, kind="key")
    assert same == (one == other)


@given(one=names, other=names)
def test_long_tables_do_not_share_the_name_of_their_key(one: str, other: str) -> None:
    same = derived_name(one, kind="pkey") == derived_name(other, kind="pkey")
    assert same == (one == other)


@given(table=names, one=parts, other=parts)
@example(table="t", one=["a"], other=["a", "1"])
def test_the_further_choices_of_a_name_are_no_other_thing_s_choices(
    table: str, one: list[str], other: list[str]
) -> None:
    choices = [*derived_names(table, *one, kind="key")]
    assert choices[0] == derived_name(table, *one, kind="key")
    assert len(set(choices)) == len(choices)
    assert all(len(name) <= MAX_NAME_BYTES and name.endswith("_key") for name in choices)
    assert one == other or not set(choices) & set(derived_names(table, *other, kind="key"))


@pytest.mark.parametrize(
    ("table", "given_parts", "kind", "expected"),
    [
        ("orders", [], "pkey", "orders_pkey"),
        ("orders", ["email"], "key", "orders_email_key"),
        ("orders", ["customer_id"], "idx", "orders_customer_id_idx"),
    ],
)
def test_common_names_are_those_that_postgresql_would_choose(
    table: str, given_parts: list[str], kind: str, expected: str
) -> None:
    assert derived_name(table, *given_parts, kind=kind) == expected


@pytest.mark.parametrize(
    ("table", "given_parts", "kind", "expected"),
    [
        ("orders", ["a", "b"], "key", "orders_a_b_df946713_key"),
        ("t" * 63, ["x" * 63], "idx", "t" * 50 + "_247844e6_idx"),
        ("orders_" + "x" * 50, ["y" * 10], "fkey", "orders_" + "x" * 42 + "_b2e114eb_fkey"),
    ],
)
def test_names_with_a_hash_stay_what_they_are_as_tables_that_were_made_have_them(
    table: str, given_parts: list[str], kind: str, expected: str
) -> None:
    assert derived_name(table, *given_parts, kind=kind) == expected


def test_the_further_choices_stay_what_they_are_as_tables_that_were_made_have_them() -> None:
    assert tuple(derived_names("orders", "email", kind="key")) == (
        "orders_email_key",
        "orders_email_80bddbcf_key",
        "orders_email_fb508992_key",
        "orders_email_daa4ac17_key",
    )


def test_a_name_has_no_hash_where_it_fits_without() -> None:
    assert derived_name("t" * 57, "a", kind="key") == "t" * 57 + "_a_key"
    assert derived_name("t" * 58, "a", kind="key") != "t" * 58 + "_a_key"


def test_only_ascii_letters_are_folded_as_in_postgresql() -> None:
    assert fold("User_ID") == "user_id"
    assert fold("\u212aelvin") == "\u212aelvin"
    assert fold("\u00c9T\u00c9") == "\u00c9T\u00c9"
