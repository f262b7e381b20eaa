"""Lists of what a CRM's people have set up in it: pipelines, stages, sources, and the fields of records."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from bridge.mapping.language.expressions import Expression
from bridge.mapping.schema.parts import Duration, OneOrMany
from bridge.mapping.schema.request import PagedRequest

Named = Literal["pipeline", "stage", "source"]
NAMED: tuple[Named, ...] = get_args(Named)


class NameList(PagedRequest):
    """What the CRM's people call something that it wants to be told by an id."""

    records: Expression
    id: Expression
    #: over one record: what people call it, compared without regard to case
    name: Expression
    #: over one record: the id of the pipeline it belongs to; compared with the deal's
    of: Expression | None = None
    cache: Duration = 3600.0


class FieldList(PagedRequest):
    """The fields that one kind of record has, so that a misspelt one can be told before it is written to."""

    records: Expression
    #: over one record: what the configuration has to say
    id: Expression
    #: over one record: what people call it
    name: Expression | None = None
    #: of the target's `fields`: those that name a field of this kind of record
    keys: Annotated[tuple[str, ...], OneOrMany]
