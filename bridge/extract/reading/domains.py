"""Mail domains: which ends are real, which providers are well known, and what was meant by a slip."""

from __future__ import annotations

from functools import lru_cache

from bridge.extract.reading.patterns import listed

#: Providers of mail to the public: an address there is a person's, whoever the shop is.
PROVIDERS = listed(
    "gmail.com googlemail.com mail.ru bk.ru list.ru inbox.ru internet.ru vk.com xmail.ru yandex.ru ya.ru yandex.com yandex.by",
    "yandex.kz yandex.ua yandex.com.tr narod.ru rambler.ru lenta.ru ro.ru autorambler.ru myrambler.ru r0.ru hotmail.com",
    "hotmail.co.uk hotmail.de hotmail.fr hotmail.es hotmail.it outlook.com outlook.de outlook.fr outlook.es live.com live.ru",
    "live.co.uk msn.com icloud.com me.com mac.com yahoo.com yahoo.co.uk yahoo.de yahoo.fr yahoo.es yahoo.com.br ymail.com",
    "aol.com proton.me protonmail.com pm.me gmx.de gmx.net gmx.com gmx.at web.de t-online.de freenet.de posteo.de mailbox.org",
    "ukr.net i.ua meta.ua bigmir.net email.ua tut.by mail.kz inbox.lv mail.ee seznam.cz wp.pl o2.pl onet.pl interia.pl",
    "uol.com.br bol.com.br terra.com.br ig.com.br globo.com sapo.pt libero.it orange.fr free.fr laposte.net wanadoo.fr",
    "qq.com 163.com 126.com naver.com zoho.com fastmail.com tutanota.com tuta.io hey.com mail.com email.com rediffmail.com",
    "comcast.net verizon.net att.net sbcglobal.net btinternet.com sky.com",
)
#: Spoken or half spoken names of providers, as they stand before a dot.
NAMES = frozenset(domain.partition(".")[0] for domain in PROVIDERS)
#: Names that many mistype, by their domain. Neighbours of theirs that exist are not slips.
_OFTEN_MISTYPED = (
    "gmail.com", "yandex.ru", "rambler.ru", "hotmail.com", "outlook.com", "icloud.com", "yahoo.com", "protonmail.com",
    "proton.me", "googlemail.com", "inbox.ru",
)  # fmt: skip
_NO_SLIPS = listed(
    "mail.com email.com ymail.com gmx.com email.ru mails.ru hmail.com tmail.com fmail.com amail.com zmail.com xmail.com",
    "kmail.com emails.ru mail.su mail.ua mail.by mail.kz mail.de mail.ee",
    "mail.fr mail.pl mail.bg mail.uk mail.uz mail.kg mail.am mail.md",
    "mail.tj lists.ru last.ru lift.ru inbox.com inbox.lv inbox.eu yandex.com yandex.kz yandex.by yandex.ua yandex.uz yandex.eu",
    "yandex.rs rambler.com rambler.ua proton.com proton.ru outlook.ru outlook.it icloud.ru yahoo.it main.ru maid.ru mall.ru",
    "male.ru",
)
_SHORT_NAME = 5
#: Slips in names too short for a general rule, by what was meant.
_SLIPS_OF: dict[str, str] = {
    "mail.ru": "maill.ru mai.ru mal.ru mial.ru meil.ru mil.ru maul.ru nail.ru maiil.ru mmail.ru mali.ru maail.ru mailru.ru"
    " mail.ri mail.ry mail.rru mail.ruu mail.tu mail.eu mail.ur mail.rh mail.re mail.ro mail.rj mail.gu mail.fu mail.ru.ru"
    " majl.ru mauil.ru",
    "bk.ru": "bk.ri bk.ry",
    "ya.ru": "ya.ri ya.ry",
    "list.ru": "lisr.ru lst.ru list.ri",
    "inbox.ru": "inbox.ri",
    "ukr.net": "ukr.ner ukr.nte ukr.met urk.net",
    "tut.by": "tut.bu",
    "yandex.ru": "jandex.ru iandex.ru ynadex.ru yandex.ri",
    "gmail.com": "gmail.co gmail.cm gmail.ocm gmail.om gmail.ru gmail.ком gamil.com gmal.com gimail.com gmaii.com jmail.com"
    " gmeil.com gmile.com",
    "hotmail.com": "hotmail.co hotmil.com",
    "yahoo.com": "yahoo.co",
    "icloud.com": "icloud.co iclod.com",
    "outlook.com": "outlook.co otlook.com outlok.com",
}
_SLIPS = {slip: meant for meant, slips in _SLIPS_OF.items() for slip in slips.split()}
#: Russian and Ukrainian names of domains' parts, as people write and say them.
SPOKEN_LABELS = {
    "ру": "ru", "ком": "com", "нет": "net", "орг": "org", "юа": "ua", "укр": "ukr", "кз": "kz", "бай": "by", "инфо": "info",
    "ком.юа": "com.ua",
    "мейл": "mail", "майл": "mail", "мэйл": "mail", "маил": "mail", "мыло": "mail", "мэил": "mail", "меил": "mail",
    "яндекс": "yandex", "гмейл": "gmail", "гмайл": "gmail", "джимейл": "gmail", "джимайл": "gmail", "жмейл": "gmail",
    "гмаил": "gmail",
    "гугл": "gmail", "джмейл": "gmail", "гмэйл": "gmail", "рамблер": "rambler", "инбокс": "inbox", "лист": "list", "бк": "bk",
    "хотмейл": "hotmail", "хотмайл": "hotmail", "аутлук": "outlook", "аутлоок": "outlook", "айклауд": "icloud",
    "айклоуд": "icloud",
    "яху": "yahoo", "протон": "proton", "протонмейл": "protonmail", "я": "ya", "тут": "tut", "ми": "me",
}  # fmt: skip

_COUNTRIES = (
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd cf cg ch"
    " ci ck"
    " cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm"
    " gn gp gq"
    " gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc"
    " li lk lr"
    " ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om"
    " pa pe pf"
    " pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td"
    " tf tg th"
    " tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
_GENERAL = (
    "com net org info biz edu gov mil int name pro mobi asia tel travel museum aero jobs coop cat post app dev page online site"
    " store"
    " shop tech space website club live life world today email cloud agency digital studio design group team center company"
    " solutions"
    " services systems network media news press blog wiki art photo photos pictures gallery video music games game fun cool vip"
    " xyz"
    " top icu buzz host hosting domains work works business consulting expert finance financial money bank insurance legal law"
    " clinic dental health healthcare doctor fitness yoga beauty hair fashion style clothing shoes jewelry boutique gifts toys"
    " baby"
    " kids family pet pets vet dog horse garden flowers florist farm land house homes estate realty properties property rent"
    " rentals"
    " apartments construction builders build contractors engineering energy solar green eco bio auto car cars bike taxi repair"
    " parts"
    " tools supply supplies delivery express logistics trade trading market markets marketing sale sales deals discount"
    " bargains cheap"
    " restaurant cafe coffee bar pub pizza food kitchen recipes wine beer vodka catering events tickets show theater tours"
    " holiday"
    " vacations hotel flights cruise school academy university college education courses training institute science foundation"
    " charity community social chat forum link click zone plus one global international city town moscow tatar berlin london"
    " paris nyc"
    " wien koeln hamburg bayern amsterdam support help software codes computer systems technology audio band dance"
    " guru ninja rocks best gold limited ltd inc llc gmbh srl swiss ooo рф рус москва дети онлайн сайт орг ком укр бел қаз срб"
    " мкд бг ею католик"
    " pw men win bid loan download stream party review date faith science racing accountant cricket trade example"
)
#: Ends that exist. Where a plain address is written, an unknown end is believed too (new ones appear; slips are kept);
#: where "at" and "dot" are words or spaces stand around, only these are.
ENDS = frozenset(f"{_COUNTRIES} {_GENERAL}".split())
#: Ends that are never an address's: kinds of files, and names that only machines use.
NEVER = listed(
    "png jpg jpeg gif svg webp pdf doc docx xls xlsx txt csv zip rar js ts css html htm php py exe dll json xml yml yaml md log",
    "mp3 mp4 local lan localhost localdomain internal intranet invalid test home corp arpa onion",
)


@lru_cache(maxsize=1024)
def likely_meant(domain: str) -> str | None:
    """The well-known domain that was probably meant; None if this one may be right."""
    if domain in PROVIDERS or domain in _NO_SLIPS:
        return _SLIPS.get(domain) if domain not in PROVIDERS else None
    if domain in _SLIPS:
        return _SLIPS[domain]
    for known in _OFTEN_MISTYPED:
        if len(known.partition(".")[0]) >= _SHORT_NAME and one_slip(domain, known):
            return known
    return None


def one_slip(written: str, meant: str) -> bool:
    """Whether one letter too many, too few, wrong, or two swapped make the one of the other."""
    if written == meant or abs(len(written) - len(meant)) > 1:
        return False
    head = 0
    while head < min(len(written), len(meant)) and written[head] == meant[head]:
        head += 1
    rest, right = written[head:], meant[head:]
    return (
        rest[1:] == right[1:]
        or rest[1:] == right
        or rest == right[1:]
        or (rest[:2] == right[1::-1] and rest[2:] == right[2:] and len(rest) > 1)
    )


def registered(domain: str) -> str:
    """The domain as its owner registered it, roughly: mail.shop.co.uk → shop.co.uk."""
    labels = domain.lower().split(".")
    keep = 3 if len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3 else 2  # noqa: PLR2004 - co.uk, com.br
    return ".".join(labels[-keep:])
