"""What is printed for programs is JSON, laid out as Python would, with what is JSON already as it is written."""

import json

from hypothesis import given

from schemad.cli.json_writer import written
from schemad.json_text import JsonText
from tests.unit.strategies import json_values


@given(json_values)
def test_values_are_written_as_python_would_write_them(value: object) -> None:
    compact = json.dumps(value, ensure_ascii=False)
    laid_out = json.dumps(value, ensure_ascii=False, indent=2)
    for given_as in (value, JsonText(compact), JsonText(laid_out)):
        assert written(given_as, 2) == laid_out
    assert written({"a": JsonText(compact), "b": [value]}, None) == f'{{"a": {compact}, "b": [{compact}]}}'


def test_numbers_of_any_size_stay_as_they_are_written() -> None:
    numbers = f"[1e5000, -0.{'123' * 100}, {'9' * 5000}, 0.10]"
    assert written({"a": JsonText(numbers)}, None) == f'{{"a": {numbers}}}'
    assert written(JsonText(numbers), 2) == numbers.replace("[", "[\n  ").replace(", ", ",\n  ").replace(
        "]", "\n]"
    )


def test_lists_in_lists_are_no_more_than_can_be_written_and_cost_little() -> None:
    depth = 20_000
    text = written([JsonText("[" * depth + "1" + "]" * depth)], 2)
    assert text.replace("\n", "").replace(" ", "") == "[" * (depth + 1) + "1" + "]" * (depth + 1)
    assert len(text) < 300 * depth
