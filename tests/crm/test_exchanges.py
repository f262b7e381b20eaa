"""Every exchange beside every CRM mapping, and what the runner says when a mapping asks something else."""

import pytest

from bridge.crm.exchanges import run_exchange
from bridge.mapping.load import available, load_crm
from bridge.mapping.samples import Exchange, read_exchanges

STORIES = [
    pytest.param(name, exchange, id=f"{name}/{exchange.name}")
    for name, path in sorted(available("crm").items())
    for exchange in read_exchanges(path.with_suffix(""))
]

@pytest.mark.parametrize(("name", "exchange"), STORIES)
async def test_a_story_goes_as_it_was_recorded(name: str, exchange: Exchange) -> None:
    result = await run_exchange(exchange, load_crm(name))

    assert list(result.problems) == []


@pytest.mark.parametrize("name", sorted(available("crm")))
def test_every_crm_has_stories_and_each_says_where_it_is_from(name: str) -> None:
    exchanges = read_exchanges(available("crm")[name].with_suffix(""))

    assert exchanges
    assert [exchange.name for exchange in exchanges if not exchange.source] == []


def told(**changes: object) -> Exchange:
    """A story of one search, with changes to what is expected of it."""
    expect = {
        "method": "GET", "url": "/api/v1/clients?email=a%40b.example&limit=20".replace("%40", "@"),
        "headers": {"X-Api-Key": "the-key-of-the-story"},
    }  # fmt: skip
    step = {"do": "find", "expect": expect | changes, "answer": {"json": {"items": []}}}
    return Exchange.model_validate({
        "origin": "inferred", "story": "s", "chat": {"visitor": {"emails": ["a@b.example"]}}, "steps": [step],
        "outcome": {"find": []},
    })  # fmt: skip


async def test_a_story_that_is_as_told_has_no_problems() -> None:
    assert (await run_exchange(told(), load_crm("sandbox"))).passed


async def test_a_request_that_the_story_does_not_have_ends_it() -> None:
    story = told()
    more = story.model_copy(update={"chat": {"visitor": {"emails": ["a@b.example", "c@d.example"]}}})

    result = await run_exchange(more, load_crm("sandbox"))

    assert "request 2 is not in the story: GET /api/v1/clients?email=c@d.example" in result.problems[0]


async def test_a_request_of_the_story_that_is_not_asked_is_told() -> None:
    story = told()
    result = await run_exchange(story.model_copy(update={"chat": {}}), load_crm("sandbox"))

    assert "find: 1 request(s) of the story were not asked" in result.problems


async def test_another_outcome_is_told() -> None:
    story = told().model_copy(update={"outcome": {"find": [{"id": "7"}], "note": "1"}})
    result = await run_exchange(story, load_crm("sandbox"))

    assert list(result.problems) == [
        'outcome.find is [], the story has [{"id": "7"}]', "outcome.note is missing; there are: find"
    ]  # fmt: skip


async def test_an_operation_that_does_not_exist_lists_those_that_do() -> None:
    story = told()
    step = story.steps[0].model_copy(update={"do": "finde"})
    result = await run_exchange(story.model_copy(update={"steps": (step,)}), load_crm("sandbox"))

    assert "`do: finde` is not known; a story can find, read, create" in result.problems[0]


async def test_an_error_that_the_story_does_not_tell_is_a_problem() -> None:
    story = told()
    [step] = story.steps
    refused = step.model_copy(update={"answer": step.answer.model_copy(update={"status": 400})})
    result = await run_exchange(story.model_copy(update={"steps": (refused,), "outcome": {}}), load_crm("sandbox"))

    assert any(problem.startswith("find ended with") and "crm_rejected" in problem for problem in result.problems)


async def test_what_a_mapping_lacks_is_a_problem_of_its_story_and_ends_nothing_else() -> None:
    note = {"do": "note", "expect": {"method": "POST", "url": "/"}, "answer": {"json": {"id": 1}}}
    story = Exchange.model_validate({"origin": "inferred", "story": "s", "steps": [note], "outcome": {}})
    result = await run_exchange(story, load_crm("sandbox"))

    assert result.problems[0].startswith("note: the path needs {client.id}, which is empty here")


async def test_a_target_that_cannot_be_is_a_problem_of_its_story() -> None:
    result = await run_exchange(told().model_copy(update={"target": {"timeout": "soon"}}), load_crm("sandbox"))

    assert result.problems[0].startswith("target.timeout: ")
