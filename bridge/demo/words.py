"""What is said on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "ru"]

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "begin": "chat2crm: from a finished chat to a note on the right client's card, once.",
        "started": "The service runs (process {pid}), the sandbox CRM is up, two cards are in it. Nothing leaves this machine.",
        "new": "A visitor nobody knows: spelt-out phone, spelt-out mail. Then one in English who does not want to be called.",
        "known": "A known client. Her card says 8 (916) 000-00-77, in the chat she writes +7 916 000-00-77.",
        "own_number": "The operator names the shop's own number and the visitor repeats it. It is not the visitor's.",
        "again": "The chat service sends the first chat once more, to the letter.",
        "outage": "The CRM goes away for {away:.0f} s. A chat comes in, and the service is killed (kill -9) meanwhile.",
        "answered": "the webhook is answered {status} in {ms} ms: the chat is on disk",
        "made": "a new card: {name}, {contacts}",
        "quiet": "the note says first that she or he asks not to be called",
        "one_note": "one note on the card of {name}",
        "same_card": "no second card, and the number on it stands as it was typed",
        "only_mail": "the card has the e-mail alone; the shop's own card is left alone",
        "nothing": "nothing was written: {notes} notes before, {notes} after, and no request to the CRM",
        "killed": "kill -9 after {seconds:.0f} s: process {pid} is gone, the chat is not in the CRM",
        "restarted": "started again as process {pid}; the CRM is still away",
        "back": "the CRM is back, and swallows the answer to the first note it takes",
        "once": "one card, one note, after {seconds:.0f} s",
        "sum": "{clients} cards, {notes} notes. Nothing twice, nothing overwritten.",
        "wrong": "Not as it must be:",
        "cards": "Client cards   {url}/",
        "ops": "Ops page       {url}/   (password: {password})",
        "stay": "It all stays up until Ctrl-C.",
        "log": "The service's log: {path}",
    },
    "ru": {
        "begin": "chat2crm: от завершённого чата до записи в карточке нужного клиента, один раз.",
        "started": "Сервис запущен (процесс {pid}), CRM-песочница работает, в ней две карточки. Наружу ничего не уходит.",
        "new": "Неизвестный посетитель: телефон и почта словами. Затем чат на английском с просьбой не звонить.",
        "known": "Известный клиент. В карточке 8 (916) 000-00-77, в чате она пишет +7 916 000-00-77.",
        "own_number": "Оператор называет номер магазина, посетитель его повторяет. Это не номер посетителя.",
        "again": "Сервис чата присылает первый чат ещё раз, буква в букву.",
        "outage": "CRM пропадает на {away:.0f} с. Приходит чат, а сервис тем временем убивают (kill -9).",
        "answered": "вебхук получил ответ {status} за {ms} мс: чат на диске",
        "made": "новая карточка: {name}, {contacts}",
        "quiet": "запись начинается с просьбы не звонить",
        "one_note": "одна запись в карточке: {name}",
        "same_card": "второй карточки нет, номер в ней остался, как был набран",
        "only_mail": "в карточке только почта; карточку самого магазина никто не тронул",
        "nothing": "ничего не записано: было записей {notes}, стало {notes}, запросов к CRM не было",
        "killed": "kill -9 через {seconds:.0f} с: процесса {pid} больше нет, чата в CRM ещё нет",
        "restarted": "запущен снова, процесс {pid}; CRM всё ещё недоступна",
        "back": "CRM вернулась и теряет ответ на первую же запись",
        "once": "одна карточка, одна запись, через {seconds:.0f} с",
        "sum": "Карточек: {clients}, записей: {notes}. Ничего дважды, ничего не затёрто.",
        "wrong": "Не так, как должно быть:",
        "cards": "Карточки клиентов      {url}/",
        "ops": "Служебная страница     {url}/   (пароль: {password})",
        "stay": "Всё это работает, пока не нажать Ctrl-C.",
        "log": "Журнал сервиса: {path}",
    },
}  # fmt: skip
