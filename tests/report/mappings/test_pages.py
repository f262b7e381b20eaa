from __future__ import annotations

import json
from typing import Any

from desk import Desk, bearer

from bridge.config import Settings


async def test_every_mapping_is_listed_those_in_use_first(desk: Desk) -> None:
    page = await desk.page("/mappings")
    assert "used by shop" in page
    assert page.index('/mappings/providers/generic"') < page.index('/mappings/providers/chatwoot"')


async def test_a_mapping_is_shown_as_understood_with_where_each_value_stands(desk: Desk) -> None:
    page = await desk.page("/mappings/crms/espocrm_calls")
    assert "builds on espocrm" in page
    assert "from espocrm" in page


async def test_what_is_no_mapping_s_name_is_not_there(desk: Desk) -> None:
    for path in ("/mappings/crms/nothing", "/mappings/crms/..%2f..%2fconfig", "/mappings/other/generic",
                 "/mappings/crms/%2Fetc%2Fpasswd", "/mappings/crms/generic"):  # fmt: skip
        assert (await desk.get(path)).status == 404, path


async def test_two_mappings_are_compared_over_the_last_deliveries(desk: Desk) -> None:
    assert isinstance(desk.deps.settings, Settings)
    chat = {"id": "c-9", "messages": [{"from": "visitor", "text": "<b>Да</b>"}]}
    body = {"type": "chat.finished", "data": chat}
    await desk.receive(json.dumps(body).encode(), key="one")
    page = await desk.page("/mappings/providers/generic/diff?new=chatwoot")
    assert "1 of 1 deliveries would be read otherwise." in page
    assert "<b>Да</b>" not in page
    assert "deliveries would be read" not in await desk.page("/mappings/providers/generic/diff?new=../../etc/passwd")




async def told(desk: Desk, path: str, status: int = 200) -> Any:
    answer = await desk.web.get(path, headers=bearer())
    assert answer.status == status, await answer.text()
    return await answer.json()


async def test_a_script_is_told_of_mappings_what_the_pages_show(desk: Desk) -> None:
    listed = (await told(desk, "/api/mappings"))["mappings"]
    assert {"kind": "providers", "name": "generic", "used": ["shop"]} in listed
    assert {"kind": "crms", "name": "sandbox", "used": ["sales"]} in listed
    one = await told(desk, "/api/mappings/crms/espocrm_calls")
    assert (one["extends"], one["used"]) == ("espocrm", [])
    assert {entry["origin"] for entry in one["entries"]} == {"espocrm", "espocrm_calls"}
    chat = {"id": "c-9", "messages": [{"from": "visitor", "text": "Да"}]}
    await desk.receive(json.dumps({"type": "chat.finished", "data": chat}).encode(), key="one")
    found = await told(desk, "/api/mappings/providers/generic/diff?new=chatwoot")
    assert found["read"] == 1
    assert [one["source"] for one in found["changed"]] == ["shop"]
    assert found["keys"]
    for path in ("/api/mappings/crms/nothing", "/api/mappings/other/generic", "/api/mappings/crms/..%2f..%2fconfig"):
        assert (await told(desk, path, 404))["error"] == "gone"
    assert (await told(desk, "/api/mappings/providers/generic/diff?new=../x", 400))["error"] == "refused"
