"""What has a phone's digits and is none: shapes that are blanked out, and words that say what a number is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bridge.extract.reading import sensitive
from bridge.extract.reading.patterns import has_any

_TOKEN = re.compile(r"[A-Za-z0-9]{8,}")
_TURNS = re.compile(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")
_MANY_TURNS = 3
_PHONE_KEYS = r"(?!(?:phone|tel|telephone|mobile|number|p|to|телефон)=)"

_MONEY = (
    r"(?:руб\w{0,4}|₽|р\.|грн|гривен\w{0,2}|₴|тенге|тг|₸|сум\b|usd|uah|kzt|eur|euros?|dollars?|доллар\w{0,3}|евро|pesos"
    r"|reais|€|\$|£|млн|тыс)"
)
#: Shapes that say by themselves what they are. Each is tried only if its sign is in the text.
_SHAPES: tuple[tuple[str, str | tuple[str, ...], re.Pattern[str]], ...] = (
    ("url", "://", re.compile(r"[a-z][a-z0-9+]{1,14}://\S+")),
    ("url", "www.", re.compile(r"www\.\S+")),
    ("url", "/", re.compile(r"(?<![\w.@-])(?:[\w-]{1,63}\.){1,5}[a-zа-я]{2,24}(?::\d{2,5})?/\S*")),
    ("url", "=", re.compile(rf"[?&]{_PHONE_KEYS}[\w\[\]%.-]{{1,40}}=[^\s&]*")),
    ("uuid", "-", re.compile(r"(?<!\w)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?!\w)")),
    ("ip", ".", re.compile(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?::\d{2,5})?(?![\d]"
        r"|\.\d)")),
    ("date", ("19", "20"), re.compile(r"(?<![\d.+-])(?:0?[1-9]|[12]\d|3[01])[./-](?:0?[1-9]|1[0-2])[./-](?:19|20)\d\d(?!\d"
        r"|[.-]\d)")),
    ("date", ("19", "20"), re.compile(r"(?<![\d.+-])(?:19|20)\d\d[./-](?:0?[1-9]|1[0-2])[./-](?:0?[1-9]|[12]\d|3[01])(?!\d"
        r"|[.-]\d)")),
    ("time", ":", re.compile(r"(?<![\d:])(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?(?![\d:])")),
    ("time", "-", re.compile(r"(?<![\w.+-])(?:[01]?\d|2[0-4])(?::[0-5]\d|\.[0-5]0)? ?- ?(?:[01]?\d|2[0-4])(?::[0-5]\d"
        r"|\.[0-5]0)(?![\d.-])")),
    ("coordinates", ".", re.compile(r"(?<![\d.+])-?\d{1,3}\.\d{4,12}[ ,;]{1,3}-?\d{1,3}\.\d{4,12}(?!\d)")),
    ("coordinates", "°", re.compile(r"\d{1,3}(?:[.,]\d{1,8})?°[\d'\"″′ .]{0,14}")),
    ("size", ("x", "х", "×", "*"), re.compile(r"(?<![\d.-])\d{1,5}(?:[.,]\d{1,3})? ?[xх×*] ?\d{1,5}(?:[.,]\d{1,3})?(?: ?[xх×*]"
        r" ?\d{1,5}(?:[.,]\d{1,3})?)?(?:@\d{1,3})?(?![\d])")),
    ("cadastral", ":", re.compile(r"(?<!\d)\d{2}:\d{2}:\d{6,7}:\d{1,6}(?!\d)")),
    ("company number", "/", re.compile(r"(?<!\d)\d{10} ?/ ?\d{9}(?!\d)")),
    ("personal number", "-", re.compile(r"(?<![\d+-])\d{3}-\d{3}-\d{3}[ -]\d{2}(?![\d-])")),
    ("personal number", ".", re.compile(r"(?<![\d.])\d{3}\.\d{3}\.\d{3}-\d{2}(?!\d)")),
    ("company number", ".", re.compile(r"(?<![\d.])\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}(?!\d)")),
    ("money", ("$", "€", "£", "₽", "₴", "₸"), re.compile(r"[$€£₽₴₸] ?\d{1,3}(?:[ .,]\d{3}){0,4}(?:[.,]\d{1,2})?(?!\d)")),
    ("money", (" ", ".", ","), re.compile(rf"(?<![\d+.-])\d{{1,3}}(?:[ .,]\d{{3}}){{1,4}}(?:[.,]\d{{1,2}})?(?= ?{_MONEY})")),
    ("book or goods", "-", re.compile(r"(?<![\d-])97[89]-\d{1,5}-\d{1,7}-\d{1,7}-[\dx](?![\d-])")),
)  # fmt: skip
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?![A-Za-z0-9])")
_LEAST_IBAN = 15

#: Words that say what the number after them is, stem by stem, by the rule's name.
_NAMED: dict[str, str] = {
    "order": r"(?!tele|handy|mobil|ruf|fax|tel)[a-zäöü]{3,16}-?nr|kd\.?-?nr|(?:kunden|artikel|auftrags|vertrags|vorgangs"
             r"|rechnungs|bestell|sendungs|konto|mitglieds|serien|steuer|ausweis"
        r"|versicherungs)nummer|(?:customer|client|account|member|membership|reference|confirmation) (?:number|no|id)"
        r"|номер клиента|табельный номер|po|pro|rma|заказ\w{0,4}|замовлен\w{0,3}|тапсырыс\w{0,4}|заявк\w{1,3}"
        r"|обращени\w{1,3}|тикет\w{0,2}"
        r"|бронь|брони|бронирован\w{1,3}|orders?|tickets?|booking|reservation|case|request|pedido|encomenda|sipariş|zamówieni\w"
        r"|реф|ref|reference|referenz|referencia|referência|vorgang"
        r"|bestellung|bestellnummer"
        r"|auftrag\w{0,7}|commande|покупк\w{1,2}|чек\w{0,2}|инцидент\w{0,2}|рекламаци\w{1,2}|возврат\w{0,2}|claim",
    "contract": r"договор\w{0,3}|контракт\w{0,3}|полис\w{0,3}|contract|policy|agreement|vertrag\w{0,7}|contrato"
        r"|лицев\w{2,3}(?: сч[её]т\w{0,2})?|л/с|абонент\w{0,6}|кадастр\w{0,7}|доверенност\w{1,2}|лицензи\w{1,2}"
        r"|свидетельств\w{1,2}|сертификат\w{0,2}|удостоверени\w{1,2}",
    "invoice": r"сч[её]т\w{0,3}|счет-фактур\w{1,2}|инвойс\w{0,2}|invoice|bill|rechnung\w{0,7}|factura|fatura|рахун\w{2,4}|упд"
        r"|платежк\w{1,2}|плат[её]жн\w{2,3} поручени\w{1,2}|п/п|квитанци\w{1,2}|account|acct|транзакци\w{1,2}|transaction"
        r"|операци\w{1,2}|перевод\w{0,2}|payment|плат[её]ж\w{0,2}",
    "article": r"арт|артикул\w{0,3}|sku|item|part number|part no|p/n|model|модел\w{1,2}|код товара|товар\w{0,2}|product"
        r"|лот\w{0,2}|парти[яиюей]{1,2}|заводск\w{2,3}|\bpart|деталь|детали|позици\w{1,2}|серийн\w{2,3}|s/n|sn|serial"
        r"|инв|инвентарн\w{2,3}"
        r"|штрих-?код\w{0,2}|ean|upc|gtin|isbn|barcode|imei|имей"
        r"|iccid|vin|вин|номенклатур\w{1,2}|каталожн\w{2,3}",
    "tracking": r"трек\w{0,3}|трек-номер\w{0,2}|track|tracking|отправлени\w{1,2}|посылк\w{1,2}|накладн\w{1,3}|ттн|сдэк|cdek"
        r"|експрес-накладн\w{1,3}|посилк\w{1,2}|shipment|parcel|waybill|consignment|awb|rastreo|rastreio|sendung\w{0,7}"
        r"|код отслеживания|шпи",
    "tax number": r"инн|кпп|огрн|огрнип|снилс|окпо|бин|иин|жсн|бсн|унп|єдрпоу|едрпоу|рнокпп|іпн|инд\. ?номер|ein|ssn|vat|tax id"
        r"|cpf|cnpj|rfc|dni|nif|nie|steuernummer|ust-?id\w{0,4}|окато|октмо|оквэд|бик|р/с|к/с|расч[её]тн\w{2,3} сч[её]т\w{0,2}"
        r"|корр?\.? ?сч[её]т\w{0,2}|iban|swift|мфо",
    "document": r"паспорт\w{0,3}|passport|серия|серии|серия и номер|птс|стс|осаго|каско|\bву\b|прав[ао]?|водительск\w{2,4}"
        r"|driver'?s? licen[cs]e|license|свидетельств\w{1,2}|reisepass\w{0,4}|ausweis\w{0,6}|полис\w{0,2} омс|омс",
    "card": r"карт[аыуе]|карточк\w{1,2}|картк\w{1,2}|card|visa|mastercard|tarjeta|cartão|karte|бонусн\w{2,4}"
        r"|карт[аыуе] лояльности",
    "code": r"код\w{0,2}|code(?<!area code)|пин|pin|пароль|пароля|паролем|password|passwd|passcode|pwd|passwort|senha|contraseña"
        r"|логин|login"
        r"|id|айди|ид|uid|userid|user|промокод\w{0,2}|promo|coupon|купон\w{0,2}|ключ|key|token|токен|хэш|hash|сесси\w{1,2}"
        r"|md5|sha-?\d{1,3}|commit"
        r"|session|версия|версии|version|прошивк\w{1,2}|firmware|build|сборк\w{1,2}|релиз\w{0,2}|release|индекс\w{0,2}|zip"
        r"|postcode|plz|ip|айпи|порт|сервер|server",
    "money": r"цен[аыуе]\w{0,2}|стоит|стоимост\w{1,2}|бюджет\w{0,2}|сумм[аыуе]|зарплат\w{1,2}|price|cost|costs|budget|amount"
        r"|total|cena|precio|preço|preis|ціна|вартість|итого|баланс\w{0,2}|balance|задолженност\w{1,2}|долг\w{0,2}"
        r"|оплатил\w{0,2}|заплатил\w{0,2}|paid|перев[её]л\w{0,2}",
}  # fmt: skip
#: What may stand between such a word and the number it names: its own qualifiers, never a preposition.
_BETWEEN = (
    r"(?:\s{0,3}(?:[№#:=,;(\[\"«'–-]|\.|n[o°º]?\b\.?|nr\b\.?|nº|№|номер\w{0,3}|number|num|id|мой|моего|моя|наш\w{0,3}"
    r"|(?:под|с|за) номером|такой|вот|это|был|была|is|was|it'?s|my|é|ist|es|ли|на сумму|товара|был такой|код|сделан\w{0,2}"
    r"|оформлен\w{0,2}|(?!на|по|от|до|за|из|же|то|не|я|тел|моб|сот|tel|cell)[a-zа-я]{2,3}(?=\s{0,2}[№\d]"
    r"|\s{0,2}$))){0,4}\s{0,3}"
)
_NAMED_BEFORE: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (rule, re.compile(rf"(?<![^\W_])(?:{words}){_BETWEEN}$")) for rule, words in _NAMED.items()
)
_NAMED_AFTER: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("money", re.compile(rf"\s{{0,2}}{_MONEY}(?!\w)")),
    ("quantity", re.compile(r" [=*] \d")),
    ("glued", re.compile(r"-[a-zа-я]{1,4}(?![\w-])")),
    ("article", re.compile(r"[\s,–-]{0,3}(?:это )?что (?:это )?за (?!номер|тел|звон|контакт|абонент|люди|фирма)[а-я]{3,}")),
    ("quantity", re.compile(r"\s{0,2}(?:шт|штук\w?|кг|мм|см|км|м2|кв\.? ?м|кв\.?м|pcs|pieces|units|kg|km|мл|литр\w{0,2}"
        r"|подписчик\w{0,2})(?!\w)")),
    ("order", re.compile(r"[\s,]{0,3}(?:(?:это|is|це) |[–-] |номер )(?:(?:мой|наш|my|our|the) )?(?:номер |код )?(?:заказ\w?"
        r"|договор\w?|замовлен\w{1,2}|order(?: number| id| no)?|invoice|tracking|трек\w?|накладн\w{2}|инн|артикул\w?"
        r"|(?:старый |новый )?(?:isbn|vin|вин)"
        r"|сч[её]та?)(?!\w|\W{0,4}\d)")),
)  # fmt: skip
#: «заказы 9161234567 и …»: what is named goes on behind a number of the same length.
_AND = (" и ", " та ", " and ", " und ", " y ", " e ")
_AND_ONE_MORE = re.compile(r"(?<!\d)(?P<number>\d{7,15}) [^\W\d]{1,3} $")
#: 4f1a-6463-…: digits that hang on letters and digits in turn.
_CODE_HEAD = re.compile(r"(?<![^\W_])(?:[a-z]{1,8}\d|\d{1,8}[a-z])[a-z\d]{0,12}-$")
#: key = 9161234567, key@9161234567
_PARAMETER = re.compile(r"[a-z]\w{0,30} ?[=@] ?$")
#: 9161234567 / 12; but a whole number behind the slash is a second phone
_DIVISOR = re.compile(r" / \d{1,6}(?![\d ().-]{0,6}\d)")
_PHONE_WORD = re.compile(
    r"(?:тел|тлф|моб|сотов|сот\b|вотс|ватс|вацап|вайбер|вибер|телег|телеф|звон|набер|набр|дзвін|дзвон|связ|зв'яз|нөмір|байланыс"
    r"|phone|\btel|mob|cell|call|text me|texting|whats|viber|signal|ring me|reach|fone|teléf|telef|móvil|celular|ligar|ligue"
    r"|llám|llam|handy|ruf|nummer|erreich|számom"
    r"|(?<!заказа )(?<!договора )номер|number|número|contact|контакт|sms|смс)"
)
_WINDOW = 48
_PHONE_WINDOW = 40


def blanked(text: str, low: str) -> tuple[str, list[tuple[int, int, str]]]:
    """The text with what is certainly no phone blanked out position by position, and what was blanked, by rule."""
    gone: list[tuple[int, int, str]] = list(sensitive.spans(text, low))
    for rule, sign, shape in _SHAPES:
        if sign in low if isinstance(sign, str) else has_any(low, sign):
            gone.extend((match.start(), match.end(), rule) for match in shape.finditer(low))
    gone.extend((match.start(), match.end(), "iban") for match in _IBAN.finditer(text) if _is_iban(match.group()))
    gone.extend((match.start(), match.end(), "code") for match in _codes(text))
    return blank(text, gone), gone


def blank(text: str, spans: list[tuple[int, int, str]]) -> str:
    """The text with the spans' characters replaced by one that joins nothing."""
    if not spans:
        return text
    signs = list(text)
    for start, end, _ in spans:
        signs[start:end] = "\1" * (end - start)
    return "".join(signs)


def _codes(text: str) -> Iterator[re.Match[str]]:
    """Tokens in which letters and digits alternate: hashes, VIN, tracking numbers, crypto addresses."""
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token.isdigit() or token.isalpha() or set(token) <= set("0123456789OoIl"):
            continue
        if len(_TURNS.findall(token)) >= _MANY_TURNS:
            yield match


def _is_iban(written: str) -> bool:
    sign = written.replace(" ", "")
    if len(sign) < _LEAST_IBAN:
        return False
    turned = sign[4:] + sign[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def phone_word_before(low: str, start: int) -> bool:
    """Whether a word for a phone or a call stands shortly before, with no other number between."""
    before = low[max(0, start - _PHONE_WINDOW) : start]
    last = None
    for last in _PHONE_WORD.finditer(before):  # noqa: B007 - the last one counts
        pass
    return last is not None and not any(sign.isdigit() for sign in before[last.end() :])


def named_otherwise(low: str, start: int, end: int) -> str | None:
    """The rule by which the words around say that the digits are something else; None if they do not."""
    before = low[max(0, start - _WINDOW) : start]
    one_more = _AND_ONE_MORE.search(before) if before.endswith(_AND) else None
    if one_more and len(one_more["number"]) == end - start:
        before = before[: one_more.start()]
    if before and not before.isspace():
        for rule, pattern in _NAMED_BEFORE:
            if pattern.search(before):
                return rule
    after = low[end : end + _WINDOW]
    if after.startswith(" / ") and low[start:end].isdigit() and _DIVISOR.match(after):
        return "quantity"
    for rule, pattern in _NAMED_AFTER:
        if pattern.match(after):
            return rule
    return None


def part_of_code(low: str, start: int) -> bool:
    """Whether digits hang on a token of letters and digits, or are a parameter's value."""
    before = low[max(0, start - _WINDOW) : start]
    if before.endswith("-"):
        return bool(_CODE_HEAD.search(before))
    return before.endswith(("=", "@", "= ", "@ ")) and bool(_PARAMETER.search(before))


def company_number(digits: str) -> bool:
    """Whether ten digits carry the check digit of a Russian taxpayer number."""
    if len(digits) != 10:  # noqa: PLR2004 - a legal person's
        return False
    weights = (2, 4, 10, 3, 5, 9, 4, 6, 8)
    return sum(weight * int(sign) for weight, sign in zip(weights, digits, strict=False)) % 11 % 10 == int(digits[9])
