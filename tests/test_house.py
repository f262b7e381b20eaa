"""The repository itself: what the tools do not check and a reviewer should not have to."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bridge import errors

ROOT = Path(__file__).resolve().parent.parent
BRIDGE = ROOT / "bridge"
TESTS = ROOT / "tests"
MODULES = sorted(path for path in BRIDGE.rglob("*.py") if "shipped" not in path.parts)
PAGES = sorted(
    path for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "mappings").rglob("*.md"),
                      *(ROOT / "deploy").rglob("*.md")]
)  # fmt: skip

MOST_LINES, MOST_LINES_OF_A_FUNCTION = 300, 45

#: modules whose test has another name than theirs
TESTED_ELSEWHERE = {
    "errors.py": "classes without rules of their own; their codes are held to the page below",
    "model/frozen.py": "plain data, without rules of its own",
    "model/chats.py": "as above",
    "model/clients.py": "as above",
    "model/plans.py": "as above",
    "clock.py": "the machine's clock; everything else is tested with one that stands still",
    "demo/__init__.py": "run as a process by the acceptance tests",
    "demo/play.py": "as above",
    "demo/service.py": "as above",
}
#: tests that belong to the whole repository rather than to a module
OF_THE_WHOLE = {
    "acceptance", "add_a_crm", "add_a_provider", "ci", "deploy", "docs", "fakes", "fuzz",
    "hostile", "masked", "security", "guard", "house", "mappings", "once",
}  # fmt: skip

#: chat services and CRMs, beside those that have a mapping
VENDORS = {
    "jivo", "jivosite", "livetex", "carrotquest", "carrot quest", "dashly", "livechat inc", "tawk", "tawkto", "chatwoot",
    "intercom", "crisp", "rocketchat", "rocket.chat", "livehelperchat", "live helper chat", "brevo", "sendinblue",
    "freshchat", "freshdesk", "helpcrunch", "olark", "smartsupp", "tidio", "usedesk", "talkme", "talk-me", "wazzup", "zendesk",
    "comm100", "chaport", "userlike", "omnidesk", "chatra", "webim", "verbox", "envybox", "callibri", "comagic",
    "amocrm", "kommo", "bitrix", "bitrix24", "regionsoft", "hubspot", "salesforce", "pipedrive", "odoo", "espocrm",
    "retailcrm", "zoho", "megaplan", "planfix", "sugarcrm", "suitecrm", "vtiger", "monday.com", "creatio", "1c",
}  # fmt: skip
#: names of mappings that are no vendor's
NEUTRAL = {"generic", "webhook", "mail", "sandbox", "your own system"}
#: where people write from is a word of ours (a channel), and the extractor knows these services' links (wa.me, t.me)
CHANNELS = {"telegram", "whatsapp", "vk", "viber", "instagram", "facebook", "meta", "max"}
#: names that mean something else there
NOT_MEANT = {("bridge/extract/reading/domains.py", "zoho"): "a mail service, by its domain"}


def tracked_here() -> bool:
    return shutil.which("git") is not None and (ROOT / ".git").exists()


def git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], check=True, capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if line]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


# -- modules and their tests -------------------------------------------------------------------------------------------


def places_of_a_test(module: Path) -> list[Path]:
    """Where a module's test may stand: beside its mirror image, or one test for a whole package."""
    inside = module.relative_to(BRIDGE)
    packages = inside.parent.parts
    name = packages[-1] if inside.name == "__init__.py" else inside.stem
    folder = TESTS.joinpath(*(packages[:-1] if inside.name == "__init__.py" else packages))
    places = [folder / f"test_{name}.py"]
    places += [TESTS.joinpath(*packages[:depth]) / f"test_{packages[depth]}.py" for depth in range(len(packages))]
    return places


def has_code(module: Path) -> bool:
    """More than a docstring, imports and `__all__`."""
    body = ast.parse(module.read_text(encoding="utf-8")).body
    return any(isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for part in body)


def imported_by_tests_of_its_package(module: Path) -> bool:
    """A module inside a package may be tested by theme, as long as a test of that package imports it by its name."""
    inside = module.relative_to(BRIDGE)
    if len(inside.parts) == 1 or inside.name == "__init__.py":
        return False
    name = ".".join(("bridge", *inside.with_suffix("").parts))
    package, _, last = name.rpartition(".")
    by_name = re.compile(rf"\b{re.escape(name)}\b|from {re.escape(package)} import [^\n]*\b{last}\b")
    return any(by_name.search(path.read_text(encoding="utf-8")) for path in (TESTS / inside.parts[0]).rglob("test_*.py"))


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_every_module_with_code_has_a_test_of_its_name(module: Path) -> None:
    if not has_code(module) or module.name == "__main__.py" or str(module.relative_to(BRIDGE)) in TESTED_ELSEWHERE:
        return
    places = places_of_a_test(module)
    found = any(place.exists() for place in places) or imported_by_tests_of_its_package(module)
    assert found, f"write {relative(places[0])}"


def test_every_test_stands_where_its_subject_does() -> None:
    """At the top: a module's or package's name. In a folder: the folder mirrors a package, and its tests may be by theme."""
    packages = {TESTS.joinpath(path.parent.relative_to(BRIDGE)) for path in MODULES} | {TESTS / name for name in OF_THE_WHOLE}
    subjects = {path.stem for path in BRIDGE.iterdir()}
    strays = [relative(path) for path in TESTS.rglob("test_*.py") if path.parent not in packages
              or (path.parent == TESTS and path.stem.removeprefix("test_") not in subjects | OF_THE_WHOLE)]  # fmt: skip
    assert strays == []


def test_the_exceptions_to_the_mirror_are_still_needed() -> None:
    gone = [name for name in TESTED_ELSEWHERE if not (BRIDGE / name).exists()]
    assert gone == []


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_no_module_is_too_long_to_read_at_one_sitting(module: Path) -> None:
    lines = len(module.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES, f"{relative(module)} has {lines} lines; make two modules of it"


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_no_function_is_too_long_to_see_at_once(module: Path) -> None:
    found = [f"{part.name}: {length}" for part in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
             if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
             and (length := (part.end_lineno or 0) - part.lineno + 1) > MOST_LINES_OF_A_FUNCTION]  # fmt: skip
    assert found == []


def test_no_module_is_named_for_nothing() -> None:
    empty_words = {"utils", "util", "helpers", "helper", "common", "core", "base", "manager", "misc", "tools"}
    assert [relative(path) for path in MODULES if path.stem in empty_words or path.parent.name in empty_words] == []


# -- vendors -----------------------------------------------------------------------------------------------------------


def vendors() -> set[str]:
    """The known names, and those of every mapping: its file's name and the title in it, without what is in brackets."""
    names = set(VENDORS)
    for mapping in (ROOT / "mappings").glob("*/*.yaml"):
        titled = re.search(r"^title: *['\"]?([^'\"#\n(]+)", mapping.read_text(encoding="utf-8"), re.MULTILINE)
        title = titled[1].strip().lower() if titled else ""
        names |= {mapping.stem.lower(), mapping.stem.lower().replace("_", " "), *title.split(" / ")}
    return {name.strip() for name in names if len(name.strip()) > 1} - NEUTRAL - CHANNELS


def name_in(text: str, names: set[str]) -> Iterator[tuple[int, str]]:
    pattern = re.compile(r"(?<![a-z0-9])(?:" + "|".join(sorted(map(re.escape, names), key=len, reverse=True)) + r")(?![a-z])")
    for number, line in enumerate(text.splitlines(), 1):
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", line)  # HubSpot is one name, HubSpotClient two words
        found = {name for form in (line, words) for name in pattern.findall(form.lower())}
        yield from ((number, name) for name in sorted(found))


def test_no_vendor_is_named_in_the_code() -> None:
    """What one vendor does is said in its mapping. Whatever the code knows of one, the next one cannot use."""
    code = [path for path in BRIDGE.rglob("*") if path.suffix in {".py", ".sql", ".html", ".yaml", ".js", ".css"}
            and not {"shipped", "static"} & set(path.parts)]  # fmt: skip
    found = [f"{relative(path)}:{number}: {name}" for path in code
             for number, name in name_in(path.read_text(encoding="utf-8"), vendors())
             if (relative(path), name) not in NOT_MEANT]  # fmt: skip
    assert found == []


def test_a_vendor_is_found_where_it_is_named() -> None:
    assert list(name_in("x = 1\nif provider == 'jivo':", vendors())) == [(2, "jivo")]
    assert {(1, "bitrix24"), (1, "hubspot")} <= set(name_in("class Bitrix24Client(HubSpot):", vendors()))
    assert list(name_in("the crispy intercommunication", vendors())) == []


# -- pages -------------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """Headings as the forges make addresses of them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+?) *#*$", without_code(page), re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        count = 0
        while (anchor if not count else f"{anchor}-{count}") in found:
            count += 1
        found.add(anchor if not count else f"{anchor}-{count}")
    return found | set(re.findall(r"<a (?:id|name)=[\"']([^\"']+)", page.read_text(encoding="utf-8")))


def without_code(page: Path) -> str:
    return re.sub(r"^ *(```|~~~).*?^ *\1 *$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", without_code(page))
    links = re.findall(r"\]\(([^)\s]+)(?: \"[^\"]*\")?\)", text) + re.findall(r"^\[[^]]+\]: +(\S+)", text, re.MULTILINE)
    broken = []
    for link in links:
        if re.match(r"[a-z+]+:", link):
            continue
        path, _, anchor = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            broken.append(link)
    assert broken == []


def error_classes() -> list[type[errors.BridgeError]]:
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.BridgeError)]


def test_every_error_code_is_explained_and_no_other() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE)
    assert sorted(explained) == sorted(kind.code for kind in error_classes())


def test_every_error_class_has_a_code_and_words_of_its_own() -> None:
    kinds = error_classes()
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert [kind.__name__ for kind in kinds if not kind.__doc__] == []


def test_the_changelog_begins_with_what_is_not_released_yet_or_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first = re.search(r"^## \[?([^\]\s]+)", changelog, re.MULTILINE)
    version = re.search(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert first is not None
    assert version is not None
    assert first[1] in {"Unreleased", version[1]}


# -- the commands that set it up ---------------------------------------------------------------------------------------


def test_whatever_is_needed_is_pinned_within_what_the_project_allows() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines if "==" in line)}
    extras = [need for needs in project["project"].get("optional-dependencies", {}).values() for need in needs]
    wanted = [Requirement(text) for text in [*project["project"]["dependencies"], *project["dependency-groups"]["dev"], *extras]]
    missing = [str(need) for need in wanted if not need.specifier.contains(pinned.get(canonicalize_name(need.name), "0"))]
    assert missing == []


def locked(name: str) -> dict[str, list[str]]:
    """Of a lock file: package and version, each with the sums of its files."""
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = re.findall(r"^(\S+==\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, flags=re.MULTILINE)
    assert len(entries) == len(re.findall(r"^[^#\s]", text, flags=re.MULTILINE)), "a line that is no entry"
    return {pin: re.findall(r"sha256:(\w+)", sums) for pin, sums in entries}


def closure(needs: Iterable[str]) -> set[str]:
    """What these lead to, as it is installed here."""
    found: set[str] = set()
    left = [Requirement(text) for text in needs]
    while left:
        need = left.pop()
        name = canonicalize_name(need.name)
        if name not in found and (need.marker is None or need.marker.evaluate({"extra": ""})):
            found.add(name)
            left += [Requirement(text) for text in distribution(name).requires or ()]
    return found


@pytest.mark.parametrize(("name", "table", "key"), [
    ("requirements.lock", "project", "dependencies"), ("requirements-build.lock", "build-system", "requires"),
])  # fmt: skip
def test_the_lock_files_hold_what_constraints_pin_and_all_that_the_image_needs(name: str, table: str, key: str) -> None:
    """If this fails: `make lock`, and look at what has changed."""
    pins = set((ROOT / "constraints.txt").read_text(encoding="utf-8").lower().replace("_", "-").splitlines())
    entries = locked(name)
    assert [pin for pin in entries if pin not in pins] == []
    part = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[table]
    needs = [*part[key], *part.get("optional-dependencies", {}).get("postgres", ())]  # the image serves replicas as well
    assert {pin.partition("==")[0] for pin in entries} == closure(needs)
    assert all(len(set(sums)) == len(sums) > 0 for sums in entries.values())


def test_the_image_takes_nothing_whose_sum_is_not_in_a_lock_file() -> None:
    dockerfile = without_comments(ROOT / "Dockerfile").replace("\\\n", " ")
    installs = re.findall(r"pip install [^&\n]*", dockerfile)
    assert len(installs) == 3
    assert [one for one in installs if "--require-hashes" not in one and "--no-index" not in one] == []
    assert [one for one in installs if "--no-deps" not in one] == []


def test_no_package_index_is_named() -> None:
    """Which one is used is the machine's business: its pip is configured or it is not."""
    names = ("Makefile", "Dockerfile", "constraints.txt", "pyproject.toml", "requirements.lock", "requirements-build.lock")
    files = [ROOT / name for name in names]
    files += (ROOT / ".ci").iterdir()
    index = re.compile(r"index-url|index_url|pypi|://", re.IGNORECASE)
    assert [relative(path) for path in files if index.search(without_comments(path))] == []


def without_comments(path: Path) -> str:
    text = re.sub(r"(?:^|\s)#.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return text.replace("http://127.0.0.1", "")  # where the image asks after its own health


def test_continuous_integration_runs_make_test_and_nothing_else() -> None:
    assert without_comments(ROOT / ".ci" / "run").split() == ["exec", "make", "test"]
    assert all(os.access(path, os.X_OK) for path in (ROOT / ".ci").iterdir())


# -- the source tree ---------------------------------------------------------------------------------------------------


def test_every_exception_from_a_rule_has_its_reason() -> None:
    bare = re.compile(r"# noqa(?:: ?[A-Z0-9, ]+)?\s*$", re.MULTILINE)
    found = []
    for path in [*MODULES, *TESTS.rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        found += [f"{relative(path)}:{text.count(chr(10), 0, hit.start()) + 1}" for hit in bare.finditer(text)]
    assert found == []


PAST = {
    "begun", "broke", "chosen", "cut", "dead", "done", "duplicate", "found", "gone", "held", "kept", "known", "left", "lost",
    "made", "met", "read", "run", "seen", "sent", "set", "shut", "stuck", "taken", "told", "understood", "void", "won", "written",
}  # fmt: skip
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "adebug", "ainfo", "awarning", "aerror", "aexception"}


def log_events(source: str) -> Iterator[tuple[int, str | None]]:
    """Line and event of every log call; None where the event is not written out."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
            continue
        owner = node.func.value
        name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
        if name.strip("_") in {"log", "logger"}:
            first = node.args[0] if node.args else None
            choices = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
            for choice in choices:
                written = choice.value if isinstance(choice, ast.Constant) and isinstance(choice.value, str) else None
                yield node.lineno, written


def is_noun_past(event: str | None) -> bool:
    found = re.fullmatch(r"[a-z]+(?:_[a-z]+)*\.([a-z]+(?:_[a-z]+)*)", event or "")
    words = found[1].split("_") if found else []
    return any({word, word.removeprefix("un")} & PAST or word.endswith("ed") for word in words)


def test_every_log_event_is_a_noun_and_what_happened_to_it() -> None:
    odd = [f"{relative(path)}:{line}: {event}" for path in MODULES
           for line, event in log_events(path.read_text(encoding="utf-8")) if not is_noun_past(event)]  # fmt: skip
    assert odd == []


def test_a_log_event_of_another_form_is_found() -> None:
    source = 'log.info("attempt.finished")\nself._log.warning("could not write", x=1)\nlog.info(name)\nprint("x")\n'
    assert list(log_events(source)) == [(1, "attempt.finished"), (2, "could not write"), (3, None)]
    assert [is_noun_past(event) for _, event in log_events(source)] == [True, False, False]


@pytest.mark.skipif(not tracked_here(), reason="not a git checkout")
def test_nothing_that_is_ignored_is_tracked() -> None:
    assert git("ls-files", "--cached", "--ignored", "--exclude-standard") == []


@pytest.mark.skipif(not tracked_here(), reason="not a git checkout")
def test_nothing_large_is_tracked() -> None:
    large = {name for name in git("ls-files") if (ROOT / name).is_file() and (ROOT / name).stat().st_size > 500_000}
    assert large <= {"tests/report/axe/axe.min.js"}  # what looks over the pages, as it is published
