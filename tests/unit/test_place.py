"""The listener's database has to be the one that is worked on, as far as that can be told."""

import pytest

from schemad.store.place import AnotherDatabase, Place, require_same_place

APP = Place("app", 16384, 7000)


@pytest.mark.parametrize("heard", [APP, Place("app", 16384, None), None])
def test_the_same_place_or_one_that_can_not_be_told_will_do(heard: Place | None) -> None:
    require_same_place(heard, APP)
    require_same_place(APP, heard)


@pytest.mark.parametrize(
    ("heard", "where"),
    [
        (Place("other", 16385, 7000), "other, and not app"),
        (Place("other", 16385, None), "other, and not app"),
        (Place("app", 16384, 7001), "app of another server"),
    ],
)
def test_another_place_is_refused_and_named(heard: Place, where: str) -> None:
    with pytest.raises(AnotherDatabase, match=f"than SCHEMAD_DSN, {where}: no request would be heard of"):
        require_same_place(heard, APP)
