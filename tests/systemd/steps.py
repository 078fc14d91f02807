"""What has to happen on the booted machine, step by step. Each returns what it saw, for the reader."""

import re
import time
from collections.abc import Callable

from tests.systemd.machine import Machine, StepFailed

UNIT, INSTANCE, WITHOUT = "schemad.service", "schemad@orders.service", "schemad@empty.service"
SCHEMAD = "/opt/schemad/bin/schemad"
SOCKET = "host=/run/postgresql"
# The host that the page names, and its address.
HOST, ADDRESS, HERE = "db.internal", "10.0.0.5", "127.0.0.1"
# A password that has to be quoted wherever it is not meant to be text.
PASSWORD = "it's: 100% @home/?&#"  # noqa: S105 - of a machine that is thrown away
FIELDS = '{"fields": [{"name": "a", "type": "text"}]}'
BATCH = 300

Step = Callable[[Machine], str]


def install(machine: Machine) -> str:
    """Program, units and settings, as the page on systemd says."""
    machine.type("install")
    return machine.run("systemctl", "--version").partition("\n")[0]


def database(machine: Machine) -> str:
    """The database as the page says, one more for an instance, and the logins that the page presupposes."""
    said = machine.type("database")
    machine.run("sh", "-c", f"echo {HERE} {HOST} >> /etc/hosts")
    machine.psql("postgres", "CREATE DATABASE orders;")
    machine.run("runuser", "-u", "postgres", "--", SCHEMAD, "migrate", "--dsn", f"postgresql:///orders?{SOCKET}")
    machine.psql("postgres", "CREATE ROLE shop LOGIN; GRANT schemad_requester TO shop;")
    for name in ("app", "orders"):
        machine.psql(name, "SELECT schemad.set_policy('requests_per_minute', '100000');")
        machine.psql(name, "SELECT schemad.set_policy('tables_per_day', '100000');")
    return said.strip().splitlines()[-1]


def remote(machine: Machine) -> str:
    """The daemon's login, made from elsewhere by a login that has a password, and given one as well."""
    quoted = PASSWORD.replace("'", "''")
    # A plain one: the driver does not read what is escaped in that file.
    machine.psql("postgres", "CREATE ROLE admin LOGIN SUPERUSER PASSWORD 'admin';")
    machine.run("sh", "-c", "umask 077; cat > ~root/.pgpass", standard_input="*:*:*:admin:admin\n")
    said = machine.type("remote")
    machine.psql("postgres", f"ALTER ROLE schemad_service PASSWORD '{quoted}';")
    return said.strip().splitlines()[0]


def verify(machine: Machine) -> str:
    """The units are sound to the systemd that runs them, and as closed as they are said to be."""
    said = []
    for unit in (UNIT, INSTANCE):
        machine.run("systemd-analyze", "verify", "--recursive-errors=yes", f"/etc/systemd/system/{unit}")
        analyzed = machine.run("systemd-analyze", "security", "--offline=yes", "--threshold=15", unit)
        said.append(re.sub(r"[^\x20-\x7e]+", "", analyzed.strip().splitlines()[-1]).strip())
    return "; ".join(said)


def start(machine: Machine) -> str:
    """`systemctl enable --now` returns once it is ready, and a table comes by itself; the password is a file's."""
    began = time.monotonic()
    said = machine.type("start", PASSWORD)
    ready = time.monotonic() - began
    if "Active: active (running)" not in said:
        raise StepFailed(f"`systemctl status` says otherwise:\n{said}")
    _expect(machine, UNIT, ActiveState="active", SubState="running", Type="notify", NRestarts="0")
    made = _table_comes(machine, "app", "first")
    _require_login(machine, "app", "schemad_service")
    status = _status(machine, UNIT, "listening; 1 request decided; idle")
    return f"ready {ready:.2f} s after the password was asked for; table after {made:.3f} s; status: {status}"


def encrypted(machine: Machine) -> str:
    """The password as an encrypted file, in the place of the other."""
    machine.type("encrypted", PASSWORD)
    machine.edit(UNIT, "encrypted")
    machine.run("rm", "/etc/credstore/schemad.password")
    if PASSWORD in machine.run("cat", "/etc/credstore.encrypted/schemad.password"):
        raise StepFailed("the password can be read where it should be encrypted")
    machine.run("systemctl", "restart", UNIT)
    made = _table_comes(machine, "app", "after_encryption")
    _require_login(machine, "app", "schemad_service")
    return f"restarted with it; table after {made:.3f} s"


def addresses(machine: Machine) -> str:
    """With no address open but the database's it works as before."""
    (block,) = machine.shown("addresses", "ini")
    if ADDRESS not in block.text:
        raise StepFailed(f"{block.place} does not name {ADDRESS}")
    text = block.text.replace(ADDRESS, HERE)
    machine.write(f"/etc/systemd/system/{UNIT}.d/addresses.conf", text, mode="644")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", UNIT)
    made = _table_comes(machine, "app", "after_closing")
    allowed = machine.property(UNIT, "IPAddressAllow")
    machine.undo_edit(UNIT, "addresses")
    return f"{allowed} alone; table after {made:.3f} s"


def elsewhere(machine: Machine) -> str:
    """The program in another place."""
    machine.edit(UNIT, "elsewhere")
    machine.run("systemctl", "restart", UNIT)
    made = _table_comes(machine, "app", "from_elsewhere")
    command = machine.run("cat", f"/proc/{machine.property(UNIT, 'MainPID')}/cmdline").replace("\0", " ")
    if "/usr/local/bin/schemad run" not in command:
        raise StepFailed(f"what runs is {command}")
    machine.undo_edit(UNIT, "elsewhere")
    return f"{command.strip()}; table after {made:.3f} s"


def local(machine: Machine) -> str:
    """Over the socket of a server on the same machine, by the name of its user."""
    machine.type("local")
    machine.run("systemctl", "restart", UNIT)
    made = _table_comes(machine, "app", "by_socket")
    _require_login(machine, "app", "schemad")
    return f"without a password; table after {made:.3f} s"


def doctor(machine: Machine) -> str:
    """`schemad doctor` with what the unit has, and a table as the page asks for it."""
    said = machine.type("doctor")
    for line in ("ok    daemon's privileges: schemad has what the daemon needs", "ok    automatic creation: on"):
        if line not in said:
            raise StepFailed(f"{line!r} is not in:\n{said}")
    if "created public.notes with 2 fields" not in said:
        raise StepFailed(f"no table came by itself:\n{said}")
    return "nothing to mend"


def start_instance(machine: Machine) -> str:
    """One instance a database, with a password that only its credential has."""
    machine.write("/etc/credstore/schemad.orders.password", f"{PASSWORD}\n")
    machine.type("instance")
    made = _table_comes(machine, "orders", "first")
    _require_login(machine, "orders", "schemad_service")
    process = machine.property(INSTANCE, "MainPID")
    for file in ("environ", "cmdline"):
        if "100%" in machine.run("cat", f"/proc/{process}/{file}"):
            raise StepFailed(f"the password can be read in /proc/{process}/{file}")
    user = machine.run("stat", "--format=%U", f"/proc/{process}").strip()
    return f"table after {made:.3f} s, connected with the password of its credential; runs as {user}"


def bad_credential(machine: Machine) -> str:
    """A credential that can't be used is named as the page shows, and no further start is tried."""
    machine.write("/etc/schemad/empty.env", "", mode="644")
    machine.write("/etc/credstore/schemad.empty.dsn", "")
    machine.run("systemctl", "start", WITHOUT, may_fail=True)
    machine.until("it fails", lambda: machine.property(WITHOUT, "ActiveState") == "failed")
    _expect(machine, WITHOUT, ExecMainStatus="2", NRestarts="0")
    line = next(line for line in machine.journal(WITHOUT).splitlines() if "schemad.dsn" in line)
    (shown,) = machine.shown("bad-credential", "text")
    if line.replace(WITHOUT, UNIT) != shown.text.strip():
        raise StepFailed(f"{shown.place} shows something else than: {line}")
    machine.run("systemctl", "reset-failed", WITHOUT)
    return line


def killed(machine: Machine) -> str:
    """kill -9: it is started again, and serves."""
    before, began = machine.property(UNIT, "MainPID"), time.monotonic()
    machine.run("kill", "-9", before)
    _restarted(machine, UNIT, before)
    ready = time.monotonic() - began
    made = _table_comes(machine, "app", "after_kill")
    return f"ready again after {ready:.2f} s; table after {made:.3f} s"


def stood_still(machine: Machine) -> str:
    """SIGSTOP: the watchdog ends it, and it is started again."""
    before, began = machine.property(UNIT, "MainPID"), time.monotonic()
    machine.run("kill", "-STOP", before)
    _restarted(machine, UNIT, before)
    ready = time.monotonic() - began
    if "Watchdog timeout" not in machine.journal(UNIT):
        raise StepFailed("it was started again, and not for the watchdog")
    made = _table_comes(machine, "app", "after_stop")
    period = machine.property(UNIT, "WatchdogUSec")
    return f"watchdog of {period}: ready again after {ready:.2f} s; table after {made:.3f} s"


def outage(machine: Machine) -> str:
    """A database that is away for longer than the watchdog waits is no reason to be killed."""
    before = machine.property(UNIT, "MainPID")
    restarts = machine.property(UNIT, "NRestarts")
    lines = machine.journal(UNIT).count("\n")
    machine.run("systemctl", "stop", "postgresql")
    began = time.monotonic()
    status = _status(machine, UNIT, "database unreachable since ")
    (shown,) = machine.shown("outage", "text")
    working, away = (_pattern(line) for line in shown.text.splitlines())
    _require_line(away, machine.run("systemctl", "status", UNIT))
    machine.until("the outage lasts", lambda: time.monotonic() - began > 45)
    _expect(machine, UNIT, ActiveState="active", MainPID=before, NRestarts=restarts)
    logged = machine.journal(UNIT).count("\n") - lines
    machine.run("systemctl", "start", "postgresql")
    began = time.monotonic()
    made = _table_comes(machine, "app", "after_outage")
    _expect(machine, UNIT, ActiveState="active", MainPID=before, NRestarts=restarts)
    _status(machine, UNIT, "listening; ")
    machine.until("it is idle", lambda: machine.property(UNIT, "StatusText").endswith("; idle"))
    _require_line(working, machine.run("systemctl", "status", UNIT))
    machine.type("outage")
    return f"status: {status}; {logged} lines logged in 45 s; table {made:.2f} s after the database was back"


def before_database(machine: Machine) -> str:
    """Started before the database is, it waits, and is ready once that is there."""
    machine.run("systemctl", "stop", UNIT)
    machine.run("systemctl", "stop", "postgresql")
    machine.run("systemctl", "start", "--no-block", UNIT)
    status = _status(machine, UNIT, "database unreachable since ")
    _expect(machine, UNIT, ActiveState="activating")
    before = machine.property(UNIT, "MainPID")
    machine.run("systemctl", "start", "postgresql")
    took = machine.until("it is ready", lambda: machine.property(UNIT, "ActiveState") == "active")
    _expect(machine, UNIT, MainPID=before)
    made = _table_comes(machine, "app", "after_waiting")
    return (
        f"activating, {status.partition(': ')[0]}; ready {took:.2f} s after the database; table after {made:.3f} s"
    )


def reload(machine: Machine) -> str:
    """SIGHUP: the same process goes on, with the settings read anew."""
    before = machine.property(UNIT, "MainPID")
    machine.write("/etc/schemad/schemad.env", "SCHEMAD_ENABLE_AUTO_CREATE=true\nSCHEMAD_LISTEN=off\n", mode="644")
    machine.run("systemctl", "reload", UNIT)
    took = machine.until("it reloads", lambda: "settings.reloaded" in machine.journal(UNIT))
    _status(machine, UNIT, "polling every 30 s; ")
    _expect(machine, UNIT, ActiveState="active", SubState="running", MainPID=before)
    machine.write("/etc/schemad/schemad.env", "SCHEMAD_ENABLE_AUTO_CREATE=true\n", mode="644")
    machine.run("systemctl", "reload", UNIT)
    status = _status(machine, UNIT, "listening; ")
    made = _table_comes(machine, "app", "after_reload")
    return f"with new settings after {took:.2f} s, and back; status: {status}; table after {made:.3f} s"


def stop(machine: Machine) -> str:
    """SIGTERM: what is in hand is finished, nothing is half done, and it ends with 0."""
    machine.psql(
        "app",
        f"SELECT count(schemad.submit_request('u', 'drained_' || n, '{FIELDS}')) "
        f"FROM generate_series(1, {BATCH}) AS n;",
        login="shop",
    )
    began = time.monotonic()
    machine.run("systemctl", "stop", UNIT)
    took = time.monotonic() - began
    _expect(machine, UNIT, ActiveState="inactive", Result="success", ExecMainStatus="0", ExecMainCode="1")
    decided, tables = machine.psql(
        "app",
        "SELECT count(*) FROM schemad.schema_requests WHERE schema_name LIKE 'drained%' AND status = 'approved';"
        "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'drained%';",
    ).split()
    if decided != tables:
        raise StepFailed(f"{decided} requests were approved, and {tables} tables are there")
    if "daemon.deadline_passed" in machine.journal(UNIT):
        raise StepFailed("it did not finish what it had in hand")
    machine.run("systemctl", "start", UNIT)
    machine.until(
        "the rest is decided",
        lambda: (
            machine.psql("app", "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'drained%';") == str(BATCH)
        ),
    )
    return (
        f"exit code 0 after {took:.2f} s; {decided} of {BATCH} requests decided by then, all after the next start"
    )


def upgrade(machine: Machine) -> str:
    """The program, the units and the schema anew."""
    before = machine.property(UNIT, "MainPID")
    machine.type("upgrade")
    _expect(machine, UNIT, ActiveState="active")
    if machine.property(UNIT, "MainPID") == before:
        raise StepFailed("it was not started again")
    return f"table after {_table_comes(machine, 'app', 'after_upgrade'):.3f} s"


def uninstall(machine: Machine) -> str:
    """Nothing of it stays on the machine but what is in the database."""
    machine.run("systemctl", "disable", "--now", INSTANCE)
    machine.type("uninstall")
    places = "/etc/systemd /etc/schemad /etc/credstore /etc/credstore.encrypted /opt /usr/local/bin"
    if left := machine.run("sh", "-c", f"find {places} -name '*schemad*' 2>/dev/null || true").strip():
        raise StepFailed(f"this stays:\n{left}")
    return "nothing stays"


STEPS: tuple[tuple[str, Step], ...] = (
    ("install", install),
    ("database", database),
    ("verify", verify),
    ("remote", remote),
    ("start", start),
    ("encrypted", encrypted),
    ("addresses", addresses),
    ("elsewhere", elsewhere),
    ("local", local),
    ("doctor", doctor),
    ("instance", start_instance),
    ("bad-credential", bad_credential),
    ("kill -9", killed),
    ("SIGSTOP", stood_still),
    ("outage", outage),
    ("database later", before_database),
    ("reload", reload),
    ("stop", stop),
    ("upgrade", upgrade),
    ("uninstall", uninstall),
)


def _table_comes(machine: Machine, database: str, name: str) -> float:
    """Asks for a table as an application does, and has it; the seconds until it was decided, in the server."""
    # What SQL alone can measure: entering the machine takes longer than deciding.
    said = machine.psql(
        database,
        f"CALL schemad.create_table('user123', '{name}', '{FIELDS}');\n"
        "SELECT extract(epoch FROM processed_at - created_at) FROM schemad.schema_requests "
        "ORDER BY id DESC LIMIT 1;",
        login="shop",
    )
    if "|approved|auto|" not in said:
        raise StepFailed(f"no table came by itself: {said}")
    return float(said.splitlines()[-1])


def _restarted(machine: Machine, unit: str, before: str) -> None:
    """Waits until another process is ready in a process's place."""
    machine.until(
        "it is started again",
        lambda: (
            machine.property(unit, "MainPID") not in {"0", before}
            and machine.property(unit, "ActiveState") == "active"
        ),
    )


def _status(machine: Machine, unit: str, beginning: str) -> str:
    """Waits until a unit says that it does this; all that it says."""
    machine.until(f"{unit} says {beginning!r}", lambda: machine.property(unit, "StatusText").startswith(beginning))
    return machine.property(unit, "StatusText")


def _expect(machine: Machine, unit: str, **properties: str) -> None:
    """Whether a unit has these properties."""
    for name, expected in properties.items():
        found = machine.property(unit, name)
        if found != expected:
            raise StepFailed(f"{name} of {unit} is {found!r}, not {expected!r}:\n{machine.journal(unit)[-3000:]}")


def _require_login(machine: Machine, database: str, login: str) -> None:
    """Whether the daemon of a database has come in as this login."""
    asked = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name LIKE 'schemad %' AND datname = "
    if (found := machine.psql("postgres", f"{asked}'{database}';")) != login:
        raise StepFailed(f"the daemon of {database} is connected as {found!r}, not as {login!r}")


def _pattern(shown: str) -> str:
    """A status line as a regular expression: any number is as good as the one shown, and so is any cause."""
    line, cause, _ = shown.partition("the last one: ")
    return re.sub(r"\d[\d,]*", r"[\\d,]+", re.escape(line)) + (f"{cause}.+" if cause else "")


def _require_line(pattern: str, said: str) -> None:
    if not re.search(f"^{pattern}$", said, re.MULTILINE):
        raise StepFailed(f"there is no line like {pattern}:\n{said}")
