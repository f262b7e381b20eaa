"""Why a job stands where it stands, and what to do about it, in the words of the page and of the alerts.

Every reason and error code that a job can have is here in both languages; a test compares this table with the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bridge.report.words.language import Language


class Explanation(NamedTuple):
    #: what has happened
    why: str
    #: what a person does about it; empty: nothing
    todo: str = ""


_Both = tuple[Explanation, Explanation]


def _said(en: str, ru: str, todo_en: str = "", todo_ru: str = "") -> _Both:
    return Explanation(en, todo_en), Explanation(ru, todo_ru)


_DONE: Mapping[str, _Both] = {
    "found": _said("on the card of a known client", "в карточке известного клиента"),
    "new": _said("a new client was made", "создан новый клиент"),
    "told": _said("the other side was told of the chat", "чат передан получателю"),
    "ambiguous": _said("several clients fitted", "подходило несколько клиентов"),
}

_SKIPPED: Mapping[str, _Both] = {
    "superseded": _said("the chat went on, its newer version tells all of it",
                        "чат продолжился, всё это есть в его новой версии"),
    "nothing_new": _said("all of it is in the CRM already", "всё это уже есть в CRM"),
    "nothing_said": _said("the visitor wrote nothing", "посетитель ничего не написал"),
    "spam": _said("the chat service marked it as spam", "сервис чата пометил его как спам"),
    "no_contact": _said("the visitor left neither phone nor e-mail", "посетитель не оставил ни телефона, ни почты"),
    "ignored": _said("the route leaves such chats out", "такие чаты маршрут пропускает"),
    "rehearsed": _said(
        "a rehearsal, so nothing was written", "репетиция, поэтому ничего не записано",
        "Its page shows what would have been written. When that looks right, set mode: write for this CRM connection and send "
        "the job round again.",
        "Что было бы записано, видно на его странице. Если всё верно, поставьте этому подключению CRM mode: write и отправьте "
        "задание заново.",
    ),
    "by_hand": _said("a person skipped it", "пропущено вручную"),
    "forgotten": _said("the person's data was erased", "данные этого человека стёрты"),
}  # fmt: skip

#: they go on after "waits"
_WAITING: Mapping[str, _Both] = {
    "no_contact": _said("for a contact", "контакта",
                        "It goes on by itself as soon as the visitor leaves a phone or an e-mail.",
                        "Продолжится само, как только посетитель оставит телефон или почту."),
    "client_busy": _said("for another chat of the same person", "другого чата того же человека"),
    "settling": _said("until it is known whether the CRM carried out a request",
                      "пока станет ясно, выполнила ли CRM запрос"),
    "target_stopped": _said("for the CRM connection, which is stopped", "подключения CRM: оно остановлено",
                            "The overview says why, and has the button that lets it go on.",
                            "Почему — сказано на обзоре, там же кнопка «Продолжить»."),
}  # fmt: skip

_HELD: Mapping[str, _Both] = {
    "ambiguous": _said("several clients fit", "подходит несколько клиентов",
                       "Open the chat and choose whose it is.", "Откройте чат и выберите, чей он."),
    "unknown_outcome": _said(
        "it is not known whether the CRM carried out a request", "неизвестно, выполнила ли CRM запрос",
        "Look at the client's card. If it is there, say so with “It is written”; if not, “Write again”.",
        "Посмотрите карточку клиента. Если запись есть, нажмите «Это записано»; если нет — «Записать ещё раз».",
    ),
    "left_open": _said(
        "a job that was left out has perhaps written part of it", "пропущенное задание, возможно, уже записало часть",
        "Open the chat: it says which job it was. Say there whether it is in the CRM, then send this one round again.",
        "Откройте чат: там сказано, какое это задание. Отметьте в нём, есть ли запись в CRM, затем отправьте это заново.",
    ),
    "half_written": _said(
        "part of it was written before the CRM connection was set to rehearse",
        "часть записана до того, как подключение CRM перевели в репетицию",
        "“Write this one” writes the rest now; or set mode: write for this CRM connection and send the job round again.",
        "«Записать этот» запишет остальное сейчас; или поставьте этому подключению CRM mode: write и отправьте задание заново.",
    ),
    "source_unknown": _said("its chat connection is not in the configuration any more",
                            "его подключения чата больше нет в настройках",
                            "Put the connection back and send the job round again, or skip it.",
                            "Верните подключение и отправьте задание заново или пропустите его."),
    "target_unknown": _said("its CRM connection is not in the configuration any more",
                            "его подключения CRM больше нет в настройках",
                            "Put the connection back and send the job round again, or skip it.",
                            "Верните подключение и отправьте задание заново или пропустите его."),
}  # fmt: skip

_PENDING: Mapping[str, _Both] = {
    "replayed": _said("sent round again by a person", "отправлено заново вручную"),
}

_REPORT = ("Report it as a bug; “Send round again” tries once more.",
           "Сообщите об ошибке; «Отправить заново» пробует ещё раз.")  # fmt: skip
_LASTING = ("Nothing, unless it lasts: then check the CRM connection's address and the way there.",
            "Ничего, если это ненадолго; иначе проверьте адрес подключения CRM и сеть.")  # fmt: skip

#: of any state: the stable codes of bridge.errors
_ERRORS: Mapping[str, _Both] = {
    "internal": _said("a fault of chat2crm itself", "ошибка в самом chat2crm", *_REPORT),
    "mapping_invalid": _said("the mapping cannot be used for this chat", "маппинг не подходит для этого чата",
                             "Correct what the message names, then send the job round again.",
                             "Исправьте то, что названо в сообщении, и отправьте задание заново."),
    "config_invalid": _said("the configuration cannot be used", "настройки не подходят",
                            "Correct what the message names, then send the job round again.",
                            "Исправьте то, что названо в сообщении, и отправьте задание заново."),
    "not_understood": _said("the delivery cannot be read with this mapping", "сообщение не читается этим маппингом",
                            "See whether the chat service changed its format.",
                            "Проверьте, не сменил ли сервис чата формат."),
    "empty_expression": _said("an expression of the mapping came out empty, so nothing was sent",
                              "выражение маппинга оказалось пустым, поэтому ничего не отправлено",
                              "Correct the expression that the message names, then send the job round again.",
                              "Исправьте выражение, названное в сообщении, и отправьте задание заново."),
    "crm_error": _said("the CRM did not do what it was asked", "CRM не выполнила запрос",
                       "Read the CRM's words below, then send the job round again.",
                       "Прочтите ответ CRM ниже и отправьте задание заново."),
    "crm_try_later": _said("the CRM cannot do it now", "CRM сейчас не может этого сделать", *_LASTING),
    "crm_no_answer": _said("the CRM gave no answer", "CRM не ответила", *_LASTING),
    "crm_unreachable": _said("no connection to the CRM could be made", "не удалось соединиться с CRM", *_LASTING),
    "crm_busy": _said("the CRM's rate limit is reached", "достигнут лимит запросов CRM",
                      "Nothing; if it happens often, lower the limits of this CRM connection.",
                      "Ничего; если это часто, уменьшите limits этого подключения CRM."),
    "crm_broken": _said("the CRM answered with an error of its own", "CRM ответила своей внутренней ошибкой",
                        "If it lasts, ask the CRM's support; then send the job round again.",
                        "Если это не проходит, обратитесь в поддержку CRM, затем отправьте задание заново."),
    "crm_auth_expired": _said("the CRM's access token has run out", "истёк токен доступа к CRM",
                              "Sign in anew: chat2crm auth, with this CRM connection's name.",
                              "Войдите заново: chat2crm auth с именем этого подключения CRM."),
    "crm_will_not_work": _said("trying again will not help", "повторять бесполезно",
                               "Read the CRM's words below.", "Прочтите ответ CRM ниже."),
    "crm_rejected": _said("the CRM refuses what was written", "CRM не принимает записанное",
                          "Correct the field that the CRM names (in the configuration or in the CRM), "
                          "then send the job round again.",
                          "Исправьте поле, которое называет CRM (в настройках или в CRM), и отправьте задание заново."),
    "crm_access_refused": _said("the CRM does not let us in", "CRM нас не пускает",
                                "Put right what it says (the token, its rights, the address), then press “Go on”.",
                                "Исправьте то, что она сообщает (токен, его права, адрес), затем нажмите «Продолжить»."),
    "crm_authorise_again": _said(
        "the CRM wants a person to let us in again", "CRM требует, чтобы человек снова дал нам доступ",
        "Run chat2crm auth with this CRM connection's name; it goes on by itself.",
        "Выполните chat2crm auth с именем этого подключения CRM; дальше оно продолжит само.",
    ),
    "crm_blocked": _said("the CRM has blocked us", "CRM нас заблокировала",
                         "Settle it with the CRM's support, then press “Go on”.",
                         "Решите это с поддержкой CRM, затем нажмите «Продолжить»."),
    "crm_not_found": _said("the record is gone from the CRM: deleted or merged",
                           "записи больше нет в CRM: удалена или объединена",
                           "Look at the client's card, then send the job round again.",
                           "Посмотрите карточку клиента и отправьте задание заново."),
    "crm_conflict": _said("the CRM says that such a record exists already", "CRM говорит, что такая запись уже есть",
                          "Look in the CRM which record it means, then send the job round again.",
                          "Посмотрите в CRM, какую запись она имеет в виду, и отправьте задание заново."),
    "crm_unknown_outcome": _said("it is not known whether the CRM carried the request out",
                                 "неизвестно, выполнила ли CRM запрос",
                                 "Look at the client's card, then say “It is written” or “Write again”.",
                                 "Посмотрите карточку клиента и нажмите «Это записано» или «Записать ещё раз»."),
}  # fmt: skip

#: of a stopped CRM connection, beside the error codes above
_STOPS: Mapping[str, _Both] = {
    "brake": _said("more new clients than allowed within an hour", "за час новых клиентов больше, чем разрешено",
                   "Look whether the new clients are right, then press “Go on”.",
                   "Проверьте, верны ли новые клиенты, затем нажмите «Продолжить»."),
    "site_broken": _said("the customer's file cannot be used", "файл этого клиента нельзя использовать",
                         "Correct the file, as the log or `chat2crm check` says, and reload; it goes on by itself.",
                         "Исправьте файл, как говорит журнал или `chat2crm check`, и перечитайте конфигурацию: пойдёт само."),
}  # fmt: skip

_BY_STATE: Mapping[str, Mapping[str, _Both]] = {
    "done": _DONE, "skipped": _SKIPPED, "waiting": _WAITING, "held": _HELD, "pending": _PENDING, "stopped": _STOPS,
}  # fmt: skip


def explain(state: str, reason: str, language: Language) -> Explanation:
    """What a reason means in a job's state (or `stopped`, for a CRM connection). One that is not known stands as it is."""
    known = _BY_STATE.get(state, {}).get(reason) or _ERRORS.get(reason)
    if known is None:
        return Explanation(reason.replace("_", " "))
    return known[0] if language == "en" else known[1]


#: reasons whose detail, in the words of the pipeline, says nothing beyond the table above
_TOLD = frozenset({"no_contact", "nothing_said", "spam", "client_busy", "ambiguous", "source_unknown", "target_unknown"})


def detail_adds(reason: str) -> bool:
    """Whether a job's detail tells more than its reason does."""
    return reason not in _TOLD


def is_explained(state: str, reason: str) -> bool:
    return reason in _BY_STATE.get(state, {}) or reason in _ERRORS
