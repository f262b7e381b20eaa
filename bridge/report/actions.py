"""The buttons: forms that change something, each answered with the page it came from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from aiohttp import web

from bridge.errors import Refused
from bridge.report import doing
from bridge.report.asked import Group, number, row_number
from bridge.report.auditing import who
from bridge.report.deps import Desk, desk

Form = Mapping[str, str]
Act = Callable[[Desk, int, Form, str], Awaitable[bool]]


class Actions:
    def add_to(self, router: web.UrlDispatcher) -> None:
        for name, said, act in (
            ("replay", "replayed", partial(_replay, again=False)),
            ("again", "replayed", partial(_replay, again=True)),
            ("skip", "skipped", _skip),
            ("written", "written", _written),
            ("choose", "chosen", _choose),
            ("write", "replayed", partial(_replay, again=False, for_real=True)),
        ):
            router.add_post(rf"/jobs/{{id:\d+}}/{name}", _for_job(said, act))
        router.add_post(r"/jobs/{id:\d+}/correct", self.correct)
        router.add_post("/rehearsal/{name}/write", self.write_rehearsed)
        router.add_post("/jobs/replay", self.replay_group)
        router.add_post("/targets/{name}/go", self.go)
        router.add_post("/sources/{name}/again", self.sort_again)

    async def correct(self, request: web.Request) -> web.Response:
        job_id, form = row_number(request), await request.post()
        keep = [value for value in form.getall("keep", []) if isinstance(value, str)]
        add = str(form.get("add", "")).splitlines()
        try:
            done = await doing.correct(desk(request), job_id, keep, add, who(request))
        except Refused:
            return _to(request, f"/jobs/{job_id}?said=no_point")
        return _to(request, f"/jobs/{job_id}?said={'corrected' if done else 'unchanged'}")

    async def write_rehearsed(self, request: web.Request) -> web.Response:
        upto = number((await _form(request)).get("upto"))
        if upto is None:
            raise Refused("Say up to which job: `upto`, a number.")
        sent = await doing.write_rehearsed(desk(request), request.match_info["name"], upto, who(request))
        return _to(request, f"/rehearsal?said=writing&n={sent}")

    async def replay_group(self, request: web.Request) -> web.Response:
        sent = await doing.replay_group(desk(request), Group.of(await _form(request)), who(request))
        return _to(request, f"/stuck?said=group&n={sent}")

    async def sort_again(self, request: web.Request) -> web.Response:
        count = await doing.sort_again(desk(request), request.match_info["name"], who(request))
        return _to(request, f"/?said=group&n={count}")

    async def go(self, request: web.Request) -> web.Response:
        done = await doing.go(desk(request), request.match_info["name"], who(request))
        return _to(request, f"/?said={'going' if done else 'unchanged'}")


async def _replay(at: Desk, job_id: int, form: Form, who: str, **how: bool) -> bool:  # noqa: ARG001 - all buttons are called alike
    return await doing.replay(at, job_id, who, again=how["again"], for_real=how.get("for_real", False))


async def _skip(at: Desk, job_id: int, form: Form, who: str) -> bool:  # noqa: ARG001 - as above
    return await doing.skip(at, job_id, who)


async def _written(at: Desk, job_id: int, form: Form, who: str) -> bool:
    return await doing.written(at, job_id, form.get("record_id", ""), who)


async def _choose(at: Desk, job_id: int, form: Form, who: str) -> bool:
    return await doing.choose(at, job_id, form.get("client_id", ""), who)


def _for_job(said: str, act: Act) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        job_id = row_number(request)
        done = await act(desk(request), job_id, await _form(request), who(request))
        return _to(request, f"/jobs/{job_id}?said={said if done else 'unchanged'}")

    return handle


async def _form(request: web.Request) -> Form:
    return {key: value for key, value in (await request.post()).items() if isinstance(value, str)}


def _to(request: web.Request, address: str) -> web.Response:
    # 303: a reload of the page that follows does not press the button again
    return web.Response(status=303, headers={"Location": desk(request).to(address)})
