"""The shape of a payload as JSON Schema, for editors and for programs that write payloads."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from schemad.request.shape import PayloadKeys
from schemad.request.table import Action

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_WITHOUT_FIELDS = [action.value for action in Action if action is not Action.ENSURE]


def payload_schema() -> dict[str, Any]:
    """The shape of a payload as JSON Schema.

    It tells what keys there are and the JSON type of each. Whether a name, a type or an expression is sound takes
    more than a schema: `schemad plan` tells.

    Returns:
        A schema of the dialect 2020-12, as JSON values.
    """
    schema = PayloadKeys.model_json_schema(schema_generator=_Untitled)
    return {
        "$schema": DIALECT,
        "title": "Payload of a request to schemad",
        **schema,
        "if": {"properties": {"action": {"enum": _WITHOUT_FIELDS}}, "required": ["action"]},
        "else": {"properties": {"fields": {"type": "array", "minItems": 1}}, "required": ["fields"]},
    }


class _Untitled(GenerateJsonSchema):
    """Without the titles that pydantic makes of names: an editor would show them before the descriptions."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - its interface
        """No key gets one."""
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Nor does an object."""
        made = super().model_schema(schema)
        made.pop("title", None)
        return made
