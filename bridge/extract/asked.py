"""What a line of an operator or a bot does: asks for a contact, asks for something else, reads a number back, gives its own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bridge.extract.reading.gates import Gated, gated

_PHONE = gated(
    r"(?:номер\w{0,3}|телефон\w{0,3}|\bтел\b|мобильн\w{2,3}|сотов\w{2,3}|контакт\w{0,6}|свяж\w{1,4}|связ[аи]\w{1,5}|связь|связи"
    r"|перезвон\w{1,4}|позвон\w{1,4}|набрать|ватсап|вотсап|whatsapp|вайбер"
    r"|зв'яза\w{1,4}|зателефон\w{1,5}|передзвон\w{1,4}|phone|number|mobile|\bcell|contact|reach you|call you|whats ?app"
    r"|get back to you|telefon\w{0,6}|handynummer|rufnummer|teléfono|telefone|contato|contacto|нөмір\w{0,6})"
)
_EMAIL = gated(r"(?:e-?mail|имейл|емейл|мейл\w{0,2}|мэйл|почт[ауеы]|почтов\w{2,3}|ящик|пошт[ауи]|mail|адрес\w? для"
    r"|куда (?:вам )?(?:прислать|отправить|выслать|скинуть|направить|отправлять)|correo|where (?:should|can|shall) (?:we"
    r"|i) send|contact|контакт|связ|свяж|зв'яза)")
_REQUEST = gated(
    r"(?:\?|^\W*(?:и |еще |а |также |укажите )?(?:сери[яи]|инн|снилс|паспорт|полис|артикул|индекс|номер|телефон|тел\b"
    r"|контакт|e-?mail|почта|имейл|фио|phone|your"
    r"|мобильный)[^.]{0,60}$|остав(?:ьте|ите|ить|ь\b)|напиш(?:ите|и)|укажите|указать|подскаж(?:ите|и)|сообщите|продиктуйте"
    r"|скиньте|пришлите|введите|дайте|назовите|уточните|можно ваш|нужен|нужны|понадоб\w{3,5}|запишу|записываю|слушаю|диктуйте"
    r"|залиш(?:те|ити)|напишіть|вкажіть|підкажіть|надішліть|повідомте|потрібен|leave|provide|share|enter|type|give|tell|send"
    r"|need|drop|may i have|what(?:'s| is)|please|could you|ваш\w? (?:номер|телефон|e-?mail|почт|контакт)|hinterlassen|geben"
    r"|deixe|informe|déj[ae]|indique)"
)
#: Things with digits that are asked for instead, by the rule's name. They are taken out before a phone is looked for.
_OTHER: tuple[tuple[str, Gated], ...] = (
    ("order", gated(r"номер\w{0,2}(?: вашего| ваш| самого)? (?:заказ\w{0,2}|заявк\w|брон\w{1,5}|обращени\w|тикет\w|чек\w?"
        r"|возврата|покупки)|(?:заказ|заявк|замовлен|брон)\w{0,4}|(?:order|ticket|booking|reservation|case|reference"
        r"|confirmation) (?:number|no|id|#)|which order|what order|pedido|bestellnummer|номер замовлення")),
    ("contract", gated(r"номер\w{0,2} (?:договор\w{0,2}|полис\w|лицевого сч[её]та|сч[её]та|контракта|абонента)|(?:договор"
        r"|полис|лицев\w{2,3} сч[её]т|абонент)\w{0,4}|(?:contract|policy|account|customer|client) (?:number|no|id)")),
    ("invoice", gated(r"номер\w{0,2} (?:счета|инвойса|платежа|операции|транзакции)|invoice(?: number| no)?"
        r"|transaction id")),
    ("tracking", gated(r"трек(?:-?номер)?\w{0,3}|номер\w{0,2} (?:отправлени\w|посылки|накладной|ттн)|накладн\w{2,3}"
        r"|tracking(?: number| no| code)?|ттн")),
    ("tax number", gated(r"инн|огрн\w{0,2}|кпп|снилс|реквизит\w{0,2}|единый номер|бин\b|иин\b|єдрпоу|tax (?:id|number)"
        r"|vat number|cpf|cnpj")),
    ("document", gated(r"паспорт\w{0,3}(?: данные| данных)?|серия и номер|серию и номер|водительск\w{2,3}|стс|птс|passport"
        r"|driver'?s license|номер\w{0,2} (?:документа|паспорта|автомобиля|машины|vin)|vin\b|вин[ -]?код|госномер")),
    ("card", gated(r"номер\w{0,2} (?:\w{1,20} )?карт\w{1,3}|карт[аыуе] лояльности|бонусн\w{2,3} карт\w{1,2}|card number"
        r"|loyalty (?:card|number)")),
    ("article", gated(r"артикул\w{0,2}|код\w{0,2} товара|серийн\w{2,3} номер\w{0,2}|номер\w{0,2} (?:модели|детали|товара"
        r"|лота)|sku|item (?:number|code)|serial (?:number|no)|part number|model number|imei|s/n")),
    ("code", gated(r"код\w{0,2}(?: из смс| подтверждения| домофона)?|промокод\w{0,2}|пароль|логин|verification code"
        r"|\bcode\b|password|\bpin\b|индекс|zip code|postcode|account id|user id|\bid\b")),
    ("money", gated(r"бюджет\w{0,2}|сумм[ауы]|стоимость|какую цену|budget|how much|price")),
    ("quantity", gated(r"сколько|размер\w{0,3}|площадь|метраж|количеств\w|объем|how many|what size|quantity")),
    ("other", gated(r"(?<!\w)(?!теле|моб|сот|контакт|ваш|личн|дома|рабоч|город|прям|удобн|актуал|действ|правил"
        r"|верн|нужн|друг|нов"
        r"|сво|этот|как|допол|обрат|котор|перв|втор|точн|корр|ин[оа]|росс|мест|связ|реаль|пол|люб|ваз|подход|будьт|напиш|добр"
        r"|перезв|позв|понятн|отличн)[а-я]{4,20}(?:ый|ой|ий|ого) номер(?!\w| тел| моб)|номер\w{0,2} (?:вашего "
        r"|вашей )?(?!теле|моб|сот|для|ваш|контакт|вотс|ватс|whats|вайб|связ|получ|или"
        r"|либо|пожал|плиз|чтоб|где|куда|остав|напиш|укаж|котор|перезв|позвон|свяж|напис|подска)[а-я]{3,}(?:а|я|и|ы|ей"
        r"|ой)(?![\w])")),
)  # fmt: skip
_RECIPIENT = gated(r"(?:получател\w{1,3}|отримувач\w{0,2}|recipient|именинни\w{1,3}|(?:его|ее|её|their|his|her) (?:номер"
    r"|телефон|number|phone|mobile|e-?mail)|(?:номер|телефон|контакт|почт|e-?mail|мейл)\w{0,2}(?: вашего| вашей)? (?:мужа|жены"
    r"|супруг\w|водителя|бухгалтера|директора|руководителя|секретаря|мастера|прораба|курьера|коллеги|мамы|папы|отца|матери"
    r"|друга|подруги|соседа|родственника|ребенка|родителей|представителя)|(?:driver|husband|wife|mother|father|friend|colleague"
    r"|assistant|accountant|parent|emergency contact|spouse|guest)'?s? (?:phone|number|mobile|cell|e-?mail)|кому (?:доставить"
    r"|везти|вручить)|того, кто|второго (?:контакт|лиц)\w{0,3}|человека, котор)")
_READING_BACK = gated(
    r"(?:ваш\w{0,2} (?:\w{1,20} ){0,2}?(?:номер\w{0,2}|телефон\w{0,2}|тел\b|почт\w|e-?mail|мейл|имейл|контакт\w{0,5}|адрес\w?"
    r"|вотсап"
    r"|ватсап)|верно|правильно|подтверд|уточн(?:яю|ю|ите|им|ить)|(?:пере|по)звон(?:ю|им|ит|ят)\b|(?:пере|по)звонить (?:вам|на"
    r"|по)|набер(?:у|ем|ет)|свяж(?:усь|емся|ется)"
    r"|(?:отправ|направ|вышл|пришл|продублиру|напиш|скин)(?:лю|им|им|ет|ят|ю|ем|у|ят)\b|отправ(?:ить|лять) (?:вам )?на"
    r"|у нас (?:указан|записан|значит)|в (?:заказе|заявке|карточке|системе) (?:указан|записан)|записал[аи]?|это вы\b"
    r"|вы (?:пишете|звонили) с"
    r"|вірно|ваш номер|передзвон(?:ю|имо|ить)|зателефону(?:ю|ємо)|надішл(?:ю|емо)|надсил"
    r"|your (?:\w{1,20} ){0,2}?(?:number|phone|e-?mail|mobile|contact|address|cell)|correct|is (?:that|this|it) right|right\?"
    r"|confirm|(?:call|ring|reach|text) you|send (?:it |that |this |them |everything )?(?:over )?to|on file|we have|i have"
    r"|got it|still (?:your|the (?:best|right)|good|valid|current)\b|double[- ]check|just to (?:check|confirm|be sure))"
)
#: Words that leave no doubt that the contact is the visitor's, though the line speaks of a courier or a manager, too.
_YOURS = gated(
    r"(?:\bваш\w{0,2} (?:\w{1,20} ){0,2}?(?:номер|телефон|тел\b|почт|e-?mail|мейл|имейл|контакт|вотсап|ватсап)"
    r"|(?:перезвон|позвон"
    r"|набер|свяж)\w{1,4} (?:с )?вам\w?|звонить вам|вам (?:пере|по)?звон\w{1,20} на|у нас (?:указан|записан)|в (?:вашем "
    r"|вашей )?(?:заказе|заявке|карточке) (?:указан|записан)"
    r"|\byour (?:\w{1,20} ){0,2}?(?:number|phone|e-?mail|mobile|cell)|(?:call|ring|reach|text|email) you\b|on file)"
)
_OURS = gated(
    r"(?:наш\w{0,2} (?:\w{1,20} ){0,2}?(?:номер|телефон|тел\b|почт|e-?mail|мейл|адрес|горяч|отдел|офис|менеджер|контакт|вотсап"
    r"|ватсап|сайт)|горяч\w{2,3} лини|(?:звоните|позвоните|пишите|напишите|обратитесь|обращайтесь|свяжитесь|наберите|присылайте"
    r"|отправьте|отправляйте|пришлите|перешлите|продублируйте|скиньте|вышлите|направьте)(?: \w{1,20}){0,4}? (?:нам|к нам|мне|на"
    r"|по|в"
    r"|менеджеру|в отдел|с нами)\b"
    r"|наші? (?:номер|телефон|пошт)|телефонуйте|пишіть|зверніться|наш\w{0,2} (?:\w{1,20} )?служб|служб\w (?:поддержки|доставки)"
    r"|отдел\w? (?:продаж|доставки|сервис)|курьер\w{0,3}|менеджер\w{0,3} (?:\w{1,20} )?(?:свяж|тел)|мой (?:номер"
    r"|телефон|прямой)"
    r"|добавочный"
    r"|\bour (?:\w{1,20} ){0,2}?(?:number|phone|e-?mail|hotline|line|office|support|team|address)|(?:call|reach|contact|email"
    r"|write to|ring|text) (?:us|me|our|them)|hotline|support (?:line|desk|team)|you can (?:call|reach|email|contact)"
    r"|my (?:number|email|direct)|press office|customer (?:care|service))"
)
_WHOSE = gated(
    r"(?:это|именно|точно)? ?(?:ваш\w? (?:личн\w{2,3} |собственн\w{2,3} |контактн\w{2,3} )?(?:номер|телефон|контакт)"
    r"|чей (?:это )?(?:номер|телефон)|номер (?:точно )?ваш|ваш номер|вас записать)[^?.!\n]{0,20}\?|(?:is|was) (?:this|that"
    r"|it) your (?:\w{1,20} )?(?:number|phone|cell)|whose (?:number|phone)|це ваш номер"
)
_YES = re.compile(
    r"^\W{0,3}(?:да|ага|угу|верно|все верно|правильно|все правильно|именно|точно|так|так точно|подтверждаю|конечно|он самый|он"
    r"|она самая|он же|это (?:он|мой|я)|мой|моя|ок|окей|хорошо|ладно|давайте|\+|👍|yes|yep|yeah|yup|ya|correct|that'?s (?:right"
    r"|correct|it|me|mine)|right|exactly|sure|ok|okay|confirmed|indeed|perfect|so ist es|ja|genau|sí|si|sim|correcto|correto"
    r"|isso|exato|так, вірно|вірно|авжеж|иә|ия|дұрыс)(?![\w])"
)
_NO = re.compile(r"^\W{0,3}(?:да нет|нет|не верно|неверно|не мой|не моя|неправильно|no|nope|not mine|wrong|ні|nein|não|жоқ"
    r"|это не мой|не тот|старый|уже не)(?![\w])")
_NOT_MINE = gated(r"(?:не мой|не моя|не моё|не мое|not mine|not my|чужой|старый номер|старая почта|old number|больше не"
    r"|wrong number)")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a line asks the visitor for."""

    phone: bool = False
    email: bool = False
    #: something else with digits, by name
    other: str | None = None
    #: what is asked for is a third person's
    recipient: bool = False


NOTHING = Asked()


def asked(low: str) -> Asked:
    """What this line of an operator or a bot asks for."""
    if not _REQUEST.search(low):
        return NOTHING
    rest = low
    recipient = bool(_RECIPIENT.search(low))
    other: str | None = None
    for name, pattern in _OTHER:
        if not (recipient and name == "other") and pattern.search(rest):
            other = other or name
            rest = pattern.pattern.sub(" ", rest)
    phone = bool(_PHONE.search(rest))
    email = bool(_EMAIL.search(rest))
    return Asked(phone, email, None if phone else other, recipient)


def reads_back(low: str, end: int) -> bool:
    """Whether the line repeats to the visitor what is theirs; the contact ends at `end`."""
    asks = low[end : end + 3].lstrip(' »")').startswith("?")
    return bool(_YOURS.search(low)) or ((asks or bool(_READING_BACK.search(low))) and not _OURS.search(low))


def asks_whose(low: str) -> bool:
    """Whether the line asks if the contact just given is the visitor's own."""
    return bool(_WHOSE.search(low))


def affirms(low: str) -> bool:
    """Whether the visitor's line says yes."""
    return bool(_YES.match(low)) and not _NO.match(low) and not _NOT_MINE.search(low)


def denies(low: str) -> bool:
    """Whether the visitor's line says that it is not theirs."""
    return bool(_NO.match(low)) or bool(_NOT_MINE.search(low))
