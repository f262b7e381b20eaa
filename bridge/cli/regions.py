"""`--region XX`, as the configuration's `region:` takes it."""

from __future__ import annotations

from typing import Any

import click


class _Region(click.ParamType[str]):
    name = "region"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from pydantic import TypeAdapter, ValidationError  # with the phone tables: only who asks for a region needs them

        from bridge.config.values import Region

        try:
            return str(TypeAdapter(Region).validate_python(value))
        except ValidationError as error:
            self.fail(f"{error.errors()[0]['ctx']['error']}.", param, ctx)


REGION = _Region()
