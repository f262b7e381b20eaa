"""What the plan asks for is what the neighbours give: held here, as the modules do not know one another."""

from __future__ import annotations

import inspect

from bridge.config.hours import Hours
from bridge.config.routes import RouteOptions
from bridge.crm.merge import what_is_new
from bridge.kpi import Hours as AskedHours
from bridge.write import Options, WhatIsNew


def names(protocol: type) -> set[str]:
    return {name for name in vars(protocol) if not name.startswith("_")}


def test_a_routes_options_have_all_that_a_plan_asks_for() -> None:
    assert names(Options) <= set(RouteOptions.model_fields)


def test_opening_hours_can_say_what_the_figures_ask_for() -> None:
    assert names(AskedHours) <= set(dir(Hours))


def test_the_comparison_with_a_card_is_called_as_it_is_written() -> None:
    asked = [name for name in inspect.signature(WhatIsNew.__call__).parameters if name != "self"]
    given = inspect.signature(what_is_new).parameters
    assert asked == list(given)
