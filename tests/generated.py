"""Parts of the documents that are made from the code: between `<!-- generated: NAME -->` and `<!-- end -->`.

`CHAT2CRM_ACCEPT=1 pytest tests/test_docs.py` writes them anew; the review is the diff.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bridge.mapping.load import available, load, shipped
from bridge.mapping.schema import CrmMapping, Kind, ProviderMapping
from bridge.mapping.schema.parts import CRM_RULES, PROVIDER_RULES, Grade

ROOT = Path(__file__).resolve().parent.parent

#: the scale's rules as a Russian reader calls them
RULES_RU: Mapping[str, str] = {
    "captured": "запись с живой системы", "authentic": "проверка подлинности", "rotation": "смена секрета без перерыва",
    "dedupe": "повторы", "retries": "повторные отправки", "roles": "роли авторов", "masked": "секреты в теле",
    "reconcile": "дозапрос пропущенного", "page": "страница", "formats": "другие написания", "once": "поиск своей записи",
    "limits": "лимиты", "errors": "разбор ошибок", "quiet": "что запускает запись",
}  # fmt: skip

#: titles that are words rather than names
TITLES_RU: Mapping[str, str] = {
    "generic": "Своя система", "bitrix24_openlines": "Открытые линии Битрикс24",
    "sandbox": "Учебная CRM", "espocrm_calls": "EspoCRM (чаты как звонки)",
}  # fmt: skip

FOLDERS: Mapping[Kind, str] = {"provider": "providers", "crm": "crms"}
RULES: Mapping[Kind, Mapping[str, str]] = {"provider": PROVIDER_RULES, "crm": CRM_RULES}


def layers() -> str:
    """Who may import whom, from pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    rows = next(one["layers"] for one in contracts if one["type"] == "layers" and one["containers"] == ["bridge"])
    return "\n".join(["```text", *rows, "```"])


def supported(kind: Kind, language: str) -> str:
    """The table of systems that have a mapping, from the `scale:` of each."""
    heads = {
        ("provider", "en"): "| chat service | recorded from a live system | what is open |",
        ("provider", "ru"): "| сервис чата | записан с живой системы | что ещё открыто |",
        ("crm", "en"): "| CRM | recorded from a live system | what is open |",
        ("crm", "ru"): "| CRM | записана с живой системы | что ещё открыто |",
    }
    return "\n".join([heads[kind, language], "| --- | --- | --- |", *(row for _, row in sorted(_rows(kind, language)))])


def _rows(kind: Kind, language: str) -> Iterator[tuple[str, str]]:
    """Each with what it is sorted by."""
    for name, path in available(kind).items():
        assert path.is_relative_to(shipped())
        mapping = load(kind, path).mapping
        page = _page(kind, mapping, name, language)
        captured = mapping.scale.get("captured", Grade(state="todo"))
        still = {rule: grade for rule in RULES[kind] if rule != "captured"
                 if (grade := mapping.scale.get(rule, Grade(state="todo"))).state == "todo"}  # fmt: skip
        title = TITLES_RU.get(name, mapping.title) if language == "ru" else mapping.title
        cells = (f"[{title}]({page})", _recorded(captured, language), _open(still, language) or "—")
        yield mapping.title.lower(), f"| {' | '.join(cells)} |"


def _page(kind: Kind, mapping: ProviderMapping | CrmMapping, name: str, language: str) -> str:
    """The mapping's page, or that of the mapping which it changes."""
    for stem in (name, mapping.extends):
        for end in ((".ru.md", ".md") if language == "ru" else (".md",)):
            path = f"docs/{FOLDERS[kind]}/{stem}{end}"
            if (ROOT / path).exists():
                return path
    raise AssertionError(f"docs/{FOLDERS[kind]}/{name}.md is missing")


def _recorded(grade: Grade, language: str) -> str:
    said = {"done": ("yes", "да"), "todo": ("no", "нет"), "exempt": ("not needed", "не нужно")}[grade.state]
    if language == "ru":
        return said[1]
    return f"{said[0]}: {grade.why}" if grade.why else said[0]


def _open(still: Mapping[str, Grade], language: str) -> str:
    if language == "ru":
        return ", ".join(RULES_RU[rule] for rule in still)
    return "; ".join(f"{rule}: {grade.why}" if grade.why else rule for rule, grade in still.items())


def licences() -> str:
    """What is installed with the program, each with the licence that its own metadata name."""
    from importlib import metadata

    from packaging.requirements import Requirement

    needed: dict[str, str] = {}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [text for needs in project["optional-dependencies"].values() for text in needs]
    queue = [Requirement(text) for text in (*project["dependencies"], *extras)]
    while queue:
        need = queue.pop()
        environments = [{"extra": extra} for extra in (need.extras or {""})]
        name = need.name.lower().replace("_", "-")
        if name in needed or (need.marker and not any(need.marker.evaluate(one) for one in environments)):
            continue
        found = metadata.metadata(need.name)
        needed[name] = _licence(found)
        for text in metadata.requires(need.name) or ():
            inner = Requirement(text)
            wanted = any(inner.marker.evaluate({"extra": extra}) for extra in (need.extras or {""})) if inner.marker else True
            if wanted:
                inner.marker = None
                queue.append(inner)
    rows = (f"| `{name}` | {text} |" for name, text in sorted(needed.items()))
    return "\n".join(["| package | licence |", "| --- | --- |", *rows])


def _licence(found: Any) -> str:
    named = found.get("License-Expression") or next(
        (line.rpartition(" :: ")[2] for line in found.get_all("Classifier") or () if line.startswith("License ::")), None
    )
    return str(named or (found.get("License") or "").splitlines()[0])


#: name → what stands there, and the documents in which it does
PARTS: Mapping[str, Callable[[], str]] = {
    "layers": layers,
    "licences": licences,
    "providers": lambda: supported("provider", "en"),
    "crms": lambda: supported("crm", "en"),
    "providers.ru": lambda: supported("provider", "ru"),
    "crms.ru": lambda: supported("crm", "ru"),
}

_PART = re.compile(r"(<!-- generated: (?P<name>[\w.]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def parts_of(text: str) -> list[str]:
    return [found["name"] for found in _PART.finditer(text)]


def made_anew(text: str) -> str:
    """The document with its generated parts as they are now. Raises KeyError for a name that nobody makes."""
    return _PART.sub(lambda found: f"{found[1]}{PARTS[found['name']]()}\n{found[3]}", text)
