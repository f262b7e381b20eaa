"""Words beside a contact that say whose it is: two tables, one for what stands before it and one for what stands after."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bridge.model import Claim

from .patterns import any_of, words
from .people import CASES, DATIVE, GENITIVE, NOMINATIVE, PEOPLE, THING, THING_EN

_CALL = any_of(
    r"(?:по|пере)?(?:звон|дзвон)(?:ите|ить|и|іть|ити)", r"набер(?:ите|и|іть|ет)", r"(?:на)?пиш(?:ите|и|іть)", "писать",
    r"свяж(?:итесь|ись)", r"связ(?:аться|ывайтесь)", r"отправ(?:ьте|ляйте|ить|лять)",
    words("маякните скиньте пришлите присылайте прислать вышлите выслать передайте телефонуйте зателефонуйте передзвоніть"),
    words("подзвоніть надішліть наберіть дублируйте продублируйте позвонит перезвонит звонит набрать запишите"),
)  # fmt: skip
_LITTLE = r"(?:\s{1,3}[\w.'-]{1,20}){0,2}?"
_SOME = r"(?:\s{1,3}[\w«».-]{1,20}){0,4}?"
_OF_NUMBER = (
    r"(?:\s{1,3}(?:вашего|ваш|этого|этот|какого-то|неизвестного|незнакомого|номера|номер|номеру|телефона|телефон|адреса"
    r"|адрес|почты|почту|ящика|городского|мобильного|своего|моего|пошти)){0,6}"
)
_END = r"(?=[\s:,(«\"–-]{0,4}$)"
_END_TIGHT = r"(?=[\s:(«\"–-]{0,4}$)"
_MINE = words("мой моя мое мои моего моему мою моем моей моим наш наша наше наши нашу нашим свой своя свою мій мою менің біздің")
_WROTE = r"(?:звонил|писал|набирал|отправлял|отправил|написал|переслал|оставлял|дзвонив|дзвонил|писав|телефонувал)(?:а)?"
_NOT_PEOPLE = rf"(?!(?:{NOMINATIVE}|{GENITIVE}|{DATIVE})\b)"


@dataclass(frozen=True, slots=True)
class Cue:
    """`strength`: of what is said about one contact in a chat, the strongest counts."""

    claim: Claim
    strength: int
    rule: str
    pattern: re.Pattern[str]


def _own(rule: str, strength: int, *alternatives: str) -> Cue:
    return Cue(Claim.OWN, strength, rule, re.compile(any_of(*alternatives)))


def _other(rule: str, strength: int, *alternatives: str) -> Cue:
    return Cue(Claim.OTHER, strength, rule, re.compile(any_of(*alternatives)))


#: Read in the words before a contact. Of several the nearest counts; of those equally near the strongest.
BEFORE: tuple[Cue, ...] = (
    _other(
        "not-mine", 92,
        r"(?:не мой|не моя|не мое|не наш|чужой|not my|not mine|isn'?t my|не мій)\b(?:\s{1,3}\w{1,20}){0,2}",
    ),
    _other(
        "no-longer", 91,
        rf"(?:стар(?:ый|ая|ого|ому|ом|ую|ой)|прежн\w{{2,3}}|бывш\w{{2,3}}|предыдущ\w{{2,3}}|old|former"
        rf"|previous)\s{{1,3}}(?:{THING}"
        rf"|{THING_EN})(?: (?:is|was|were))?",
        r"раньше был\w?(?:\s{1,3}\w{1,20}){0,2}",
        r"(?:стар(?:ый|ая|ую|ое|ого|ой)|old(?: one)?)(?=\W{0,3}$)",
    ),
    _own(
        "called-from", 85,
        rf"\bя\s{{1,3}}(?:\w{{1,20}}\s{{1,3}}){{0,3}}?{_WROTE}{_LITTLE}\s{{1,3}}(?:с|со|з|із)\b{_OF_NUMBER}",
        rf"\b(?:вам|к вам)\s{{1,3}}(?:\w{{1,20}}\s{{1,3}}){{0,2}}?{_WROTE}{_LITTLE}\s{{1,3}}(?:с|со|з|із)\b{_OF_NUMBER}",
        rf"{_WROTE}\s{{1,3}}(?:\w{{1,20}}\s{{1,3}})?(?:вам|к вам){_LITTLE}\s{{1,3}}(?:с|со|з|із)\b{_OF_NUMBER}",
        rf"(?:^|[.!?,;\n]\s{{0,2}})(?:(?:вчера|сегодня|уже|только что|утром|вечером|днем|недавно"
        rf"|здравствуйте)\W{{1,2}}){{0,2}}{_WROTE}\s{{1,3}}(?:заявку\s{{1,3}}|уже\s{{1,3}})?(?:с|со|з|із)\b{_OF_NUMBER}",
        rf"(?:^|[.!?,;\n]\s{{0,2}})(?:заявку|письмо|заказ|сообщение|документы|фото|макет"
        rf"|вопрос)\s{{1,3}}(?:\w{{1,20}}\s{{1,3}})?{_WROTE}\s{{1,3}}(?:с"
        rf"|со)\b{_OF_NUMBER}",
        r"\bi(?:'ve| have|'m| am)? (?:\w{1,20} )?(?:called|texted|wrote|emailed|rang|calling|writing|messaged|texting)(?: you| in"
        r"| your \w{1,20})?(?: \w{1,20})? from\b(?: (?:my |the )?number)?",
    ),
    _own(
        "called-at", 85,
        rf"вы\s{{1,3}}(?:\w{{1,20}}\s{{1,3}}){{0,2}}?(?:звонили|писали|отправляли|присылали|набирали)\s{{1,3}}(?:мне\s{{1,3}}"
        rf"|ранее\s{{1,3}})?(?:на|по)\b{_OF_NUMBER}",
        rf"мне\s{{1,3}}(?:\w{{1,20}}\s{{1,3}}){{0,3}}?(?:звонил|писал|набирал|присылал|приходят|приходит|пришло"
        rf"|пришла)\w?(?:\s{{1,3}}(?:смс|код|письма"
        rf"|сообщения))?\s{{1,3}}на\b{_OF_NUMBER}",
        r"(?:called|texted|emailed|wrote(?: to)?) me (?:at|on)",
    ),
    _other(
        "called-me", 84,
        rf"(?:мне|нам|мені|маме|мужу|жене)\s{{1,3}}(?:[\w-]{{1,20}}\s{{1,3}}){{0,4}}?(?:звон|позвон|дозвон|перезвон|набирал"
        rf"|набрал|писал|написал"
        rf"|прислал|пришл|приход|названив|скинул|дзвон|подзвон|телефонувал)\w{{0,12}}{_SOME}\s{{1,3}}(?:с|со|от|з|із"
        rf"|від)\b{_OF_NUMBER}",
        rf"(?:звонили|звонят|названивают|позвонили|набирали|писали|дзвонили|телефонували|дзвонять|приходят|пришло|пришла|пришел"
        rf"|поступ\w{{1,20}}|приходит|получил\w?|переписыва\w{{1,20}}){_SOME}\s{{1,3}}(?:с|со|от|з|із|від)\b{_OF_NUMBER}",
        rf"(?:звонок|звонки|пропущенн\w{{1,20}}|вызов|смс|сообщение|письмо|письма|спам|дзвінок){_LITTLE}\s{{1,3}}(?:с|со|от|з"
        rf"|від)\b{_OF_NUMBER}",
        rf"(?<!я )(?<!вам )(?:звонил|писал|прислал|отправил|написал|позвонил|набирал)(?:а|и)?{_LITTLE}\s{{1,3}}(?:с|со"
        rf"|от)\b{_OF_NUMBER}",
        r"(?:calls?|called|calling|texts?|texted|texting|e-?mails?|e-?mailed|phoned|rang|contacted|messages?|messaged|wrote"
        r"|spam|letters?|voicemail)(?: (?:me|us|my \w{1,20}|it|came|yesterday|today"
        r"|this morning)){0,6}(?: \w{1,20}){0,3}? from\b(?: (?:the "
        r"|this |a |an )?(?:number|phone|phone number|address|email|email address|unknown number|your \w{1,20}))?",
    ),
    _other("called-me", 70, rf"\w{{2,20}}[\s,]{{1,2}}(?:с|со)\s{{1,3}}(?:этого |неизвестного |незнакомого )?(?:номера|телефона"
        rf"|адреса"
        rf"|почты)\b{_END_TIGHT}"),
    _other(
        "your", 80,
        rf"(?:\bwho(?:'s| is)|\bwhose(?: number| phone)?(?: is)?|чей(?: это)?(?: номер| телефон)?|кто (?:это|такой)"
        rf"|что (?:это )?за номер){_END_TIGHT}",
    ),
    _other(
        "dialled", 82,
        rf"(?:звоню|звонил|звонила|звоним|дозваниваюсь|дозвониться|дозвонится|дозвонилась|дозвонился|позвонил|позвонила|дзвоню"
        rf"|дзвонив|дзвонила|додзвонитися|телефоную){_SOME}\s{{1,3}}(?:на|по|за"
        rf"|в(?=\s{{1,3}}[«\"а-я]))\b{_OF_NUMBER}(?:\s{{1,3}}(?:горяч\w{{2,3}}|лини\w|указанн\w{{2,3}}|«[^»]{{1,40}}»)){{0,6}}",
        rf"\b(?:набира[лю]\w?|набрал\w?)\b{_OF_NUMBER}",
        rf"(?:писал|написал|отправил|отправлял|выслал|скинул|сбросил|посылал|послал|переслал|надіслав|надіслала|писав)(?:а"
        rf"|и)?(?:\s{{1,3}}[\w«».@-]{{1,40}}){{0,5}}?\s{{1,3}}(?:на|по)\b{_OF_NUMBER}",
        r"\bi(?:'ve been|'ve| have been| have|'m| am| keep| kept)? (?:\w{1,20} ){0,2}?(?:called|calling|call|rang|dialed|dialled"
        r"|dialing|phoned|phoning|emailed|wrote|written|sent|messaged|texted|tried|trying|replied)(?: [\w-]{1,20}){0,5}? (?:at|on"
        r"|to)\b(?: (?:the |your )?(?:number|phone|email|hotline|address|line))?",
        r"\bi(?:'ve been|'ve| have)? (?:\w{1,20} )?(?:called|dialed|dialled|rang|tried calling|calling|tried)(?: (?:the "
        r"|your )?(?:number|hotline|line))?(?=\W{0,3}$)",
    ),
    _other(
        "given-by", 82,
        rf"(?<!я )(?<!вам )\b(?:дал|дала|дали|оставили|прислали|подсказали|посоветовали"
        rf"|порекомендовали){_SOME}\s{{1,3}}(?:{THING})",
        rf"(?:{NOMINATIVE}|он|она|они|мастер|менеджер|оператор|врач"
        rf"|доктор)\s{{1,3}}(?:[\w-]{{1,20}}\s{{1,3}}){{0,2}}?(?:оставил|дал|прислал"
        rf"|скинул)\w{{0,12}}(?:\s{{1,3}}[\w-]{{1,20}}){{0,3}}?\s{{1,3}}(?:{THING})",
        rf"(?:сказал|сказали|сказала|велели|попросили|просит|просил|просила|просили)\s{{1,3}}(?:\w{{1,20}}\s{{1,3}})?(?:звонить"
        rf"|писать|обратиться"
        rf"|обращаться|отправлять|позвонить|написать|кп|счет|договор){_SOME}\s{{1,3}}(?:на|по|в|к)\b{_OF_NUMBER}",
        r"(?:was|were|been|got) given (?:this |the |your |a )?(?:\w{1,20} )?(?:number|phone|email|address)(?: (?:by"
        r"|from) [\w ]{1,30})?",
        rf"\b(?:our|the|my) {PEOPLE} (?:said to|told me to|gave me|gave us|asked (?:me |us )?to|wants"
        rf"|says to)(?: [\w-]{{1,20}}){{0,5}}?{_END_TIGHT}",
    ),
    _other(
        "listed", 82,
        r"(?:на (?:вашем )?(?:сайте|визитке|упаковке|коробке|посылке|странице|вывеске|чеке|карте)|в (?:объявлении|интернете"
        r"|договоре|чеке|гугле|2гис|инстаграм\w?|приложении|яндекс[\w. ]{0,8}|справочнике|птс|рекламе|контактах)|on (?:your"
        r"|the) (?:web ?site|site|page|card|receipt|box|label|map|parcel)"
        r"|на сайті)(?:\s{1,3}(?:[\w-]{1,20}\s{1,3}){0,3}?(?:указан\w{0,2}"
        r"|написан\w{0,2}|стоит|висит|номер\w?|телефон|адрес|почта|есть|значится|нашел|нашла|listed|number|says|вказан\w{0,2}"
        r"|отправителя|владельца)){0,6}",
        r"\byour (?:\w{1,20} )?(?:ad|advert|listing|flyer|site|website|page|sms|letter|invoice|receipt) (?:says|shows|lists"
        r"|has)(?: \w{1,20})?",
    ),
    _other(
        "competitor", 84,
        r"(?:конкурент\w{0,3}|в друг(?:ом|ой) (?:магазине|фирме|компании|салоне|клинике)|друг(?:ая|ой) (?:фирма|компания"
        r"|магазин)|competitor\w?|another (?:shop|store|company|place))(?:\s{1,3}[\w«»\"-]{1,20}){0,4}",
    ),
    _own(
        "my", 90,
        rf"{_MINE}\s{{1,3}}{_NOT_PEOPLE}(?:[\w-]{{1,20}}\s{{1,3}}){{0,3}}?(?:{THING}|офис\w?|прям\w{{2,3}}|личн\w{{2,3}}"
        rf"|рабоч\w{{2,3}}"
        rf"|нөмір\w{{0,3}}|пошта\w{{0,2}})",
        rf"\b(?:мой|моя|мои|моё|мое|мій|моя)\b{_END_TIGHT}",
        rf"(?:^|[\s,;:(])(?:я|у меня)\b{_END_TIGHT}",
        rf"\b(?:my|our) (?!(?:\w{{1,20}} )?{PEOPLE}\b)(?:[\w'-]{{1,20}} ){{0,2}}?{THING_EN}\b(?:'s)?",
        r"\bmine\b(?:'s)?",
        r"\b(?:meine?|unsere) (?:\w{1,20} )?(?:nummer|handynummer|telefonnummer|handy|e-?mail|mail|adresse|telefon)",
        r"\bmi (?:\w{1,20} )?(?:número|numero|teléfono|telefono|correo|whatsapp|móvil|celular|email|oficina)",
        r"\b(?:meu|minha) (?:\w{1,20} )?(?:número|numero|telefone|e-?mail|whats\w{0,3}|celular|contato)",
        r"\bmon (?:\w{1,20} )?(?:numéro|téléphone|portable|e-?mail)",
    ),
    _other(
        "their", 84,
        rf"\b(?:его|ее|их|його|її)\s{{1,3}}(?:[\w.-]{{1,30}}\s{{1,3}}){{0,4}}?{THING}|{THING}\s{{1,3}}(?:его|ее|их)\b",
        rf"\b(?:his|her|their) (?:[\w-]{{1,20}} ){{0,2}}?{THING_EN}\b|\b(?:hers|theirs)\b",
        rf"(?:^|[\s,;:(])(?<!запишите )(?<!запиши )(?:он|она|его|ее|их|they|he|she|his|her)\b{_END_TIGHT}",
    ),
    _other(
        "your", 84,
        rf"\b(?:ваш\w{{0,3}}|у вас)\s{{1,3}}(?:[\w-]{{1,20}}\s{{1,3}}){{0,3}}?(?:{THING})",
        rf"\b(?:ваш\w{{0,3}}|у вас)\s{{1,3}}(?:[\w-]{{1,20}}\s{{1,3}}){{0,2}}?(?:сайт|офис|сотрудник|менеджер|лини|магазин"
        rf"|служб|поддержк|бот"
        rf"|курьер|мастер|техник|склад)\w{{0,3}}(?:\s{{1,3}}[\w«».-]{{1,30}}){{0,3}}(?:,\s{{0,3}}{THING})?{_END_TIGHT}",
        r"(?:\bс|\bот)\s{1,3}ваш(?:им|ей|его|ими)\b",
        rf"\byour (?:[\w'-]{{1,20}} ){{0,2}}?(?:{THING_EN}|hotline|support)\b|\byours\b",
        rf"\byour (?:[\w'-]{{1,20}} ){{0,2}}?(?:manager|store|shop|website|site|team|driver|bot|technician"
        rf"|agent)\b(?: \w{{1,20}}){{0,3}}{_END_TIGHT}",
        r"\bвы писали\b",
    ),
    _other(
        "person", 84,
        rf"{THING}{_LITTLE}\s{{1,3}}{GENITIVE}\b(?:\s{{1,3}}\w{{1,20}}){{0,2}}",
        rf"{_CALL}{_LITTLE}\s{{1,3}}(?:лучше\s{{1,3}}|сразу\s{{1,3}}|напрямую\s{{1,3}}|на\s{{1,3}}|с\s{{1,3}})?(?:мо(?:ему|ей"
        rf"|им|его)\s{{1,3}})?{CASES}\b(?:\s{{1,3}}(?!мне|мой"
        rf"|моя|мою)[\w.]{{1,20}}){{0,4}}?",
        rf"{DATIVE}(?:\s{{1,3}}мо\w{{2,3}})?\s{{1,3}}{_CALL}(?:\s{{1,3}}[\w.]{{1,20}}){{0,3}}?",
        rf"(?:\bу|моего|моей|нашего|нашей|мого|моєї)\s{{1,3}}{GENITIVE}(?:\s{{1,3}}(?:есть|свой|другой"
        rf"|новый))?(?:\s{{1,3}}{THING}|(?=\W{{0,4}}$))",
        rf"(?:^|[,;(–-]\s{{0,3}}|\s(?:а|и|или|либо|або|то|есть)\s{{1,3}})(?:моего\s{{1,3}}"
        rf"|моей\s{{1,3}})?{GENITIVE}(?:\s{{1,3}}\w{{1,20}}){{0,2}}{_END_TIGHT}",
        rf"(?:копи\w|кп|счет|договор|экземпляр)?\s{{0,3}}(?:^|[,;(\s])(?<!подарок ){DATIVE}{_END_TIGHT}",
        r"(?:маму|папу|отца|мать|жену|мужа|сына|дочь|дочку|брата|сестру|бабушку|дедушку|подругу|друга|соседку|соседа"
        r"|коллегу)\s?[:–-]\s?$",
        r"(?:мамин|папин|женин|мужнин|бабушкин|сестрин|братов|дедушкин)\w{0,2}\b" rf"(?:\s{{1,3}}{THING})?",
        r"(?:^|\s)к\s{1,3}[а-я]{3,15}(?:е|у|ю|и)(?:\s{1,3}[а-я]{3,15}(?:е|у|ю|и))?" + _END,
        rf"(?:^|[\s,;(:])(?<!нужен )(?<!нужна )(?<!нужны )(?<!требуется )(?<!ищу )(?<!\bя )(?<!я его )(?<!я ее )(?:мой\s{{1,3}}"
        rf"|моя\s{{1,3}}|наш\s{{1,3}}|наша\s{{1,3}})?{NOMINATIVE}(?:\s{{1,3}}[а-яіїє]{{2,14}}){{0,3}}{_END}",
        rf"\b(?:my|his|her|our) (?:\w{{1,20}} )?{PEOPLE}(?:'s|s'|s)?(?: (?:[\w-]{{1,20}} ){{0,2}}?{THING_EN})?(?: (?:is|at|on"
        rf"|instead"
        rf"|directly|under)){{0,6}}(?: \w{{1,20}})?(?=\W{{0,3}}$)",
        rf"(?:прошл\w{{2,3}}|предыдущ\w{{2,3}}|last|previous)\s{{1,3}}(?!{THING}"
        rf"|{THING_EN})\w{{3,15}}\s?\(?(?:\w{{1,20}},?\s?){{0,2}}$",
        r"(?:будет|приедет|работает|подъедет|встретит)\s{1,3}(?:\w{1,20}\s{1,3})?(?:мастер|прораб|монтажник|техник|директор"
        r"|менеджер"
        r"|сотрудник|человек)(?:\s{1,3}\w{1,20})?" + _END,
        rf"\bthe (?:\w{{1,20}} )?{PEOPLE}(?:'s|s)?(?: {THING_EN})?(?: is| at)?(?: \w{{1,20}})?(?=[\s:(,-]{{0,3}}$)",
        rf"(?:^|[.,;!?\n(]\s{{0,3}}){PEOPLE}(?: is|:| -)(?: (?:mr|mrs|ms|dr)\.?)?(?: \w{{1,20}}){{0,2}}(?=\W{{0,3}}$)",
        rf"\b(?!it|that|here|what|there|who|he|she|let|where|how|name|today|mobile|number|phone|cell|email"
        rf"|my)[a-z]{{2,15}}'s {THING_EN}\b",
        rf"\b(?:call|text|reach|contact|email|ring|phone|message|ask) (?:him|her|them"
        rf"|my (?:\w{{1,20}} )?{PEOPLE}(?:'s)?)(?: \w{{1,20}}){{0,4}}?",
    ),
    _other(
        "gift", 84,
        r"(?:получател\w{1,3}|отримувач\w{0,2}|recipient)\s{0,3}(?:подарка|букета|сюрприза)?[^.!?\n]{0,40}?\b(?:подарок|подарка"
        r"|сюрприз|не я|другой|gift)\b[^.!?\n]{0,20}",
    ),
    Cue(
        Claim.UNCLEAR, 50, "recipient",
        re.compile(r"(?:получател\w{1,3}|отримувач\w{0,2}|recipient|адресат\w{0,2})(?:\W{1,4}\w{1,20}){0,4}?(?=\W{0,4}$)"),
    ),
    _own(
        "signature", 86,
        r"(?:с уважением|с\s?ув\.|best regards|kind regards|regards|sincerely|cheers|з повагою)\b[^«»\"]{0,90}",
    ),
    _own(
        "registered", 72,
        rf"(?:оформл|зарегистрир|привяз|записан|заказыва|заказал|делал\w? заказ|оформил|указыва|registered|signed up|booked"
        rf"|ordered|placed)\w{{0,12}}{_SOME}\s{{1,3}}(?:на|под|with|under|to|using|за)\b{_OF_NUMBER}(?: (?:the )?number)?",
    ),
    _own(
        "invited", 66,
        rf"(?:(?:мне|меня|нам|со мной|зі мною)\s{{1,3}})?(?:{_CALL}|жду (?:звонка|ответа|сообщения)|записывайте|пишу|диктую"
        rf"|оставляю"
        rf"|вот|держите|чекаю дзвінка|запишіть|поменяйте|обновите)(?:\s{{1,3}}(?:мне|нам|меня|со мной|пожалуйста|плиз|лучше"
        rf"|сюда|на"
        rf"|по|в|мені|будь ласка|номер|номеру|телефон|почту|почте|адрес|вотсап|ватсап|whatsapp|вайбер|телеграм|или|и|прямо"
        rf"|сразу|тогда|его|ее|кп|счет|прайс|каталог|смету|договор|все|это|документы|чек|расчет|вечером|утром|завтра|сегодня"
        rf"|потом|до|после|\d{{1,2}})){{0,6}}",
        r"\b(?:мне|нам|меня|со мной)(?=\W{0,3}$)",
        rf"\b(?:мне|нам)\s{{1,3}}(?:лучше\s{{1,3}}|можно\s{{1,3}}|(?:писать|звонить|отправлять|присылать|прислать|скинуть"
        rf"|набирать"
        rf"|слать)\s{{1,3}}){{0,2}}(?:на|в|по)\b{_OF_NUMBER}",
        r"(?:можно|можете|буду|удобн\w{1,3}|лучше)\s{1,3}(?:\w{1,20}\s{1,3}){0,3}?(?:на|по|в)\b(?:\s{1,3}\w{1,20})?",
        r"для связи|связь|тел(?:ефон)? для|контактный \w{1,20}|контакты?\b",
        r"\bwith me(?: (?:at|on|via))?\b",
        r"\b(?:reach|call|text|phone|ring|contact|email|message|ping|mail|whatsapp|write|dm|get|find|try"
        r"|send)(?: (?:to )?(?:either )?(?:me|us|back|it|the \w{1,20}|everything|that|over|details|info|please|directly|anytime"
        r"|instead|later)){1,3}(?: (?:at|on|to|via|back|is|please|anytime|by|through|under|here|tomorrow|tonight|today)){0,6}",
        r"\b(?:here(?:'s| is| are)|i'?m (?:at|on)|it'?s|you can use|best (?:number|email|way)|send (?:it |them |the \w{1,20} "
        r"|everything |quote |invoice )?to|call(?: back)?|text|update it to)\b",
        r"erreich\w{1,20}|rufen sie(?: mich)?|llámame|llamame|escr[ií]b[ae]me|ligue|ligar para",
    ),
)  # fmt: skip
#: Read in the words right after a contact, up to the next contact.
AFTER: tuple[Cue, ...] = (
    _other(
        "not-mine", 92,
        r"^[\s,(–-]{0,4}(?:это |but |но |- |is )?(?:уже )?(?:не мой|не моя|не мое|not mine|not my|чужой|не наш|isn'?t mine"
        r"|не мій)\b",
    ),
    _other(
        "no-longer", 91,
        r"^[\s,(–-]{0,4}(?:это |был |is |- )?(?:мой )?(?:стар(?:ый|ая)|(?:пожалуйста )?больше не (?:мой|работает|пользу\w{1,20}"
        r"|звоните|пишите|актуал\w{1,20})|удалите|уберите|вычеркните|уже не (?:работает|мой|пользу)|не актуал|неактуал|no longer"
        r"|my old|old number|is old)",
    ),
    _own(
        "my", 90,
        rf"^[\s,(–-]{{0,4}}(?:это |вот |is |- |що |це )?(?:мой|моя|наш|наша|мои|мій|my|mine)\b(?! (?:{NOMINATIVE}|{PEOPLE})\b)",
    ),
    _other(
        "person", 84,
        rf"^[\s,(–-]{{0,4}}(?:это |спросить |is |it'?s |that'?s |- |то |це |belongs to )?(?:(?:номер|телефон|тел|почта|контакт"
        rf"|моб)\w{{0,2}}\.? )?(?:мо(?:его|ей|й|я) |наш(?:его|ей|а)? |my |of my )?(?:{GENITIVE}|{NOMINATIVE}"
        rf"|{PEOPLE})\b(?:'s)?(?! (?:мне|пусть|просил|сказал|дома|болеет))",
    ),
    _other(
        "your", 84,
        r"^[\s,(»\"–-]{0,4}(?:это |а это |is (?:this |that )?|вы |- |то |це |were |was )?(?:ваш\w{0,2}|your|yours|you|от вас"
        r"|из вашей|с вашего|у вас на)\b(?! (?:заявк|заказ))",
        r"^[^.!\n]{0,24}?(?:ваш (?:номер|телефон|менеджер)|это вы|это от вас|your number|is (?:this|that) you|who is (?:this"
        r"|that|it)|whose|кто это|чей (?:это )?|что за номер|мошенни|scam)",
    ),
    _other(
        "called-me", 84,
        r"^[\s,(–-]{0,4}(?:с (?:этого|него|которого) )?(?:мне |нам |постоянно |все время |опять |вчера |сегодня |только что "
        r"|keeps? |just |has |have |been |они |кто-то ){0,4}(?:звонил\w?|звонят|названива\w{2,4}|пришл[ао]|писали|calling"
        r"|called|texted|texting|rang|phoned)(?: (?:мне|нам|me|us))?(?! (?:вам|you))",
    ),
    _other(
        "dialled", 82,
        r"^[\s,(–-]{0,4}(?:но |там |а |and |but |он |она |никто |вообще |постоянно |все время |всегда |трубку |nobody |no one "
        r"|it |it's |never |is |just |always |keeps ){0,4}(?:не отвеча\w{2,3}|не бер(?:ут|ет)|не дозвон\w{1,20}"
        r"|не могу дозвон\w{1,20}"
        r"|дозвониться не|не дозваниваюсь|занят\w?|недоступ\w{1,20}|не работает|отключен\w?|попал\w? в|answers?|answering"
        r"|picks? up"
        r"|busy|doesn'?t work|not working|unavailable|is dead|disconnected|не відповіда\w{1,20})",
    ),
    _other(
        "gift", 84,
        r"^[^.!\n]{0,30}?(?:получател\w{1,3} (?:подарка|букета)|это (?:получател\w{1,3}|адресат)|recipient)",
    ),
    _own(
        "invited", 66,
        r"^[\s,.!(–-]{0,4}(?:(?:мне |пожалуйста |жду |буду ждать |please |можете |звоните|пишите|позвоните|перезвоните|наберите"
        r"|спросить|спрашивать|звонка|whatsapp|вотсап|ватсап|это |call |text |for |anytime|до связи|чекаю"
        r"|передзвоніть)\w{0,12}[\s,]?){1,3}",
    ),
)  # fmt: skip
