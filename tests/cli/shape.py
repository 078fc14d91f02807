"""Whether a value of JSON is of a shape: just its fields, each of its type."""

from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict


def misfit(value: Any, shape: Any, where: str = "") -> str | None:
    """The first place where a value differs from a shape, and how; None: nowhere."""
    origin, parts = get_origin(shape), get_args(shape)
    if origin is Annotated:
        return misfit_of_time(value, where) if parts[1] == "time" else misfit(value, parts[0], where)
    if origin in {Union, UnionType}:
        misfits = [misfit(value, part, where) for part in parts]
        return None if None in misfits else misfits[0]
    if is_typeddict(shape):
        return misfit_of_object(value, get_type_hints(shape, include_extras=True), where)
    if origin is list and isinstance(value, list):
        return first(misfit(each, parts[0], f"{where}[{at}]") for at, each in enumerate(value))
    if origin is dict and isinstance(value, dict):
        return first(misfit(each, parts[1], f"{where}.{key}") for key, each in value.items())
    fits = (
        shape is Any
        or (origin is Literal and value in parts)
        or (isinstance(shape, type) and issubclass(shape, Enum) and value in [each.value for each in shape])
        or (shape is float and type(value) in {int, float})
        or (shape in {str, int, bool, NoneType} and type(value) is shape)
    )
    return None if fits else f"{where} is {value!r}, not {shape}"


def misfit_of_object(value: Any, fields: dict[str, Any], where: str) -> str | None:
    if not isinstance(value, dict):
        return f"{where} is {value!r}, not an object"
    if value.keys() != fields.keys():
        return f"{where} has other fields: {sorted(value.keys() ^ fields.keys())}"
    return first(misfit(value[name], hint, f"{where}.{name}") for name, hint in fields.items())


def misfit_of_time(value: Any, where: str) -> str | None:
    try:
        zoned = datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        zoned = False
    return None if zoned else f"{where} is {value!r}, no time of ISO 8601 with its zone"


def first(misfits: Any) -> str | None:
    return next((each for each in misfits if each is not None), None)
