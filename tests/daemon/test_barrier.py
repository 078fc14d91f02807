"""What stands between the SQL of a plan and the daemon, and what is looked at again when the plan runs."""

import structlog

from schemad.daemon import Daemon
from schemad.daemon.doubt import Doubt
from schemad.daemon.intake import Batch, Intake
from schemad.daemon.journal import Journal
from schemad.daemon.pulse import Pulse
from schemad.observe.telemetry import Telemetry
from schemad.store import Connection, Outcome, Queue
from tests.support.daemons import daemon_settings, running_daemon
from tests.support.databases import Database, fields
from tests.support.requests import ask, columns_of, decided, rules, submit

FORGED = "SELECT count(*) FROM schemad.schema_registry WHERE owner_role = 'stranger'"
# Fired while the plan runs, it waits for the commit once more, where nobody is its owner any longer.
AGAIN = (
    "IF current_user = 'schemad_owner' THEN SET CONSTRAINTS ALL DEFERRED; INSERT INTO pg_temp.t VALUES (1); "
    "ELSE UPDATE schemad.schema_registry SET owner_role = 'stranger'; END IF; RETURN NULL"
)
DEFERRED = (
    "CREATE TEMP TABLE t (x integer); CREATE CONSTRAINT TRIGGER later AFTER INSERT ON t "
    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.again(); INSERT INTO t VALUES (1)"
)


async def plant(admin: Connection, escape: str) -> None:
    """A domain whose check runs some SQL, allowed by somebody who did not look."""
    await admin.execute(
        f"CREATE FUNCTION public.again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {AGAIN}; END $$; "
        f"CREATE FUNCTION public.escape(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN "
        f"EXECUTE $q$ {escape} $q$; RETURN true; END $$; "
        "CREATE DOMAIN public.trap AS text CHECK (public.escape(VALUE)); SELECT schemad.allow_type('trap')"
    )


async def test_a_trigger_that_defers_itself_again_does_not_run_as_the_daemon(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    assert (await ask(app, "before", fields("a")))["status"] == "approved"
    await plant(admin, DEFERRED)
    request = await ask(app, "victim", {"fields": [{"name": "a", "type": "trap", "default": "x"}]})
    assert request["verdict"] == "failed"
    told = "SD001 it wrote to a table with a trigger that may be deferred: later on "
    assert request["last_error"].startswith(told)
    assert await columns_of(admin, "public.victim") == []
    assert (await ask(app, "after", fields("a")))["status"] == "approved"
    assert await admin.fetchval(FORGED) == 0


async def test_with_an_owner_that_has_no_barrier_only_what_is_postgresql_s_own_runs(
    database: Database, admin: Connection, app: Connection, dba: Connection
) -> None:
    await admin.execute(
        "CREATE ROLE other_owner; GRANT other_owner TO daemon_login; "
        "GRANT USAGE, CREATE ON SCHEMA public TO other_owner; "
        "CREATE FUNCTION public.mine(text) RETURNS text LANGUAGE sql AS 'SELECT $1'"
    )
    try:
        warnings: list[str] = []
        admin.add_log_listener(lambda _, message: warnings.append(message.message))
        await admin.execute("SELECT schemad.set_policy('owner_role', 'other_owner')")
        assert len(warnings) == 1
        assert warnings[0].startswith("schemad.run_as_owner(text) does not belong to other_owner")
        async with running_daemon(database.dsn("daemon_login")):
            assert (await ask(app, "plain", fields("a") | {"checks": ["lower(a) = a"]}))["status"] == "approved"
            for name, more in {
                "check": {"checks": ["public.mine(a) <> ''"]},
                "operator": {"checks": ["a OPERATOR(public.=) ''"]},
                "cast": {"checks": ["a::public.trap IS NULL"]},
            }.items():
                held = await ask(app, f"uses_a_{name}", fields("a") | more)
                await dba.execute("SELECT schemad.approve_request($1, 'unread')", held["id"])
                request = await decided(app, held["id"])
                assert (request["verdict"], request["last_error"][:5]) == ("failed", "42501"), request
                assert "ALTER FUNCTION schemad.run_as_owner(text) OWNER TO other_owner" in request["last_error"]

            await admin.execute("GRANT CREATE ON SCHEMA schemad TO other_owner")
            await admin.execute("ALTER FUNCTION schemad.run_as_owner(text) OWNER TO other_owner")
            by_name = "SELECT id FROM schemad.schema_requests WHERE schema_name = 'uses_a_check'"
            check = await admin.fetchval(by_name)
            await dba.execute("SELECT schemad.retry_request($1)", check)
            assert (await decided(app, check))["status"] == "approved"
    finally:
        await admin.execute("DROP OWNED BY other_owner CASCADE; DROP ROLE other_owner")


async def planned(database: Database, intake_connection: Connection) -> Batch:
    """What a daemon would do for the requests that wait, by what is there now."""
    settings = daemon_settings(database.dsn("daemon_login"))
    journal = Journal(structlog.get_logger(), Telemetry())
    doubt = Doubt(intake_connection, intake_connection.get_server_pid(), settings)
    batch = await Intake(intake_connection, doubt, settings, journal, Pulse()).read([], [])
    assert batch is not None
    return batch


async def applied(connection: Connection, batch: Batch) -> list[Outcome]:
    return await Queue(connection).apply(batch.policy_version, batch.decided)


async def test_a_plan_for_an_empty_table_is_made_anew_where_it_has_rows_by_now(
    database: Database, app: Connection
) -> None:
    async with running_daemon(database.dsn("daemon_login")):
        assert (await ask(app, "notes", fields("a")))["status"] == "approved"
    request_id = await submit(
        app,
        "notes",
        fields("a", n="bigserial") | {"indexes": [{"fields": ["a"]}]},
    )
    async with database.connection("daemon_login") as connection:
        batch = await planned(database, connection)
        assert batch.decided[0].decision.apply
        await app.execute("INSERT INTO public.notes (a) SELECT n::text FROM generate_series(1, 1000) AS n")
        (result,) = await applied(connection, batch)
    assert (result.result, result.error_code) == ("retry", "40001")
    assert result.error_message == "public.notes has rows by now: what was planned is for an empty table"
    async with running_daemon(database.dsn("daemon_login")):
        request = await decided(app, request_id)
    assert (request["verdict"], rules(request)) == ("review", ["field.rewrite", "key.on_filled_table"])


async def test_a_foreign_key_to_what_is_another_role_s_by_now_is_not_kept(
    database: Database, admin: Connection, app: Connection, dba: Connection
) -> None:
    async with running_daemon(database.dsn("daemon_login")):
        assert (await ask(app, "parent", fields("a")))["status"] == "approved"
    request_id = await submit(
        app, "child", {"fields": [{"name": "p", "type": "bigint", "references": {"table": "parent"}}]}
    )
    async with database.connection("daemon_login") as connection:
        batch = await planned(database, connection)
        assert batch.decided[0].decision.apply
        # As when it was dropped, and made again for somebody else.
        await admin.execute("UPDATE schemad.schema_registry SET owner_role = 'app_two' WHERE name = 'parent'")
        (result,) = await applied(connection, batch)
    assert (result.result, result.error_code) == ("failed", "SD001")
    assert result.error_message == (
        "child is not what was asked for: it references parent, by now a table of role app_two"
    )
    assert await columns_of(admin, "public.child") == []
    await app.execute("SELECT schemad.retry_request($1)", request_id)
    async with running_daemon(database.dsn("daemon_login")):
        held = await decided(app, request_id)
        assert (held["verdict"], rules(held)) == ("review", ["reference.another_role"])
        await dba.execute("SELECT schemad.approve_request($1, 'they share it')", request_id)
        assert (await decided(app, request_id))["status"] == "approved"
        # What was approved once does not stand in the way of what comes later.
        more = [{"name": "q", "type": "bigint", "references": {"table": "child"}}]
        assert (await ask(app, "child", {"fields": more}))["status"] == "approved"


async def test_a_table_does_not_rename_the_array_type_of_another_of_its_batch(
    database: Database, admin: Connection, app: Connection
) -> None:
    async with database.connection("app_two") as other:
        first = await submit(app, "carts", fields("a"))
        second = await submit(other, "_carts", fields("a"))
        async with running_daemon(database.dsn("daemon_login")):
            assert (await decided(app, first))["status"] == "approved"
            request = await decided(other, second)
        assert (request["verdict"], rules(request)) == ("review", ["table.taken"])
    assert await admin.fetchval("SELECT 'public._carts'::regtype::text") == "carts[]"
