"""Hints that name a list: what it has is what would pass."""

import json
import re

from schemad.policy.rules import TYPE_NOT_SAFE
from schemad.request.types import TYPE_UNKNOWN
from schemad.store import Connection
from tests.database.asking import refusal
from tests.support.databases import fields


async def test_a_list_of_types_that_a_hint_names_has_none_that_is_refused(
    admin: Connection, app: Connection
) -> None:
    await admin.execute("SELECT schemad.disallow_type('bytea'), schemad.allow_type('uuid', auto => false)")
    preview = "SELECT hint FROM schemad.preview_request('notes', $1)"
    lists_all = [TYPE_UNKNOWN.hint, (await refusal(admin.execute("SELECT schemad.disallow_type('bytea')"))).hint]
    lists_auto = [TYPE_NOT_SAFE.hint, await app.fetchval(preview, json.dumps(fields(a="uuid")))]
    for hint in lists_all + lists_auto:
        named = re.search(r"SELECT name FROM .*?(?= lists )", hint or "")
        assert named is not None, hint
        listed = {row["name"] for row in await app.fetch(named[0])}
        assert ("bytea" in listed, "uuid" in listed, "text" in listed) == (False, hint in lists_all, True), hint
