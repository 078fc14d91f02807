"""What `schemad doctor` says, for tests."""

from tests.cli.program import EXIT_FAILED, schemad_beside

CREATES = {"SCHEMAD_ENABLE_AUTO_CREATE": "true"}


async def mends(dsn: str, **environment: str) -> dict[str, str]:
    """What doctor says is to be mended, by check; its exit code agrees."""
    run = await schemad_beside("doctor", "--json", dsn=dsn, **environment)
    failing = {check["check"]: check["mend"] for check in run.json if check["level"] == "mend"}
    assert failing.keys() == {check["check"] for check in run.json if not check["passed"]}
    assert all(bool(check["mend"]) is (check["level"] != "ok") for check in run.json)
    assert run.code == (EXIT_FAILED if failing else 0)
    assert run.err == ""
    return failing


async def levels(dsn: str, **environment: str) -> dict[str, list[tuple[str, str]]]:
    """What doctor says that is not as it should be: found and mend, by level."""
    run = await schemad_beside("doctor", "--json", dsn=dsn, **environment)
    found: dict[str, list[tuple[str, str]]] = {"note": [], "mend": []}
    for check in run.json:
        # That no limit is set is noted in every new database, and has a test of its own.
        if check["level"] != "ok" and check["check"] != "limits on requests":
            found[check["level"]].append((check["found"], check["mend"]))
    return found
