"""People who are not the visitor, in the forms that make a number theirs, and the things that are asked or given."""

from __future__ import annotations

from bridge.extract.reading.patterns import any_of, words

#: «номер мужа», «у мужа»
GENITIVE = words(
    "мужа жены супруга супруги мамы матери папы отца сына дочери дочки брата сестры бабушки дедушки деда внука внучки тещи тестя",
    "свекрови свекра зятя невестки друга подруги приятеля парня девушки жениха невесты соседа соседки знакомого знакомой",
    r"родственник\w{1,2} родителей детей ребенка тети дяди племянни\w{1,2} кума кумы коллеги шефа босса начальник\w начальницы",
    r"директора руководител\w бухгалтера бухгалтерии секретар\w помощни\w{1,2} ассистента водителя курьера мастера прораба",
    r"риэлтора риелтора агента юриста охран\w{1,3} консьерж\w администратора напарника партнера арендатора жильца квартирант\w",
    r"хозя\w{1,3} собственника владельца заказчика поставщика врача тренера учителя няни именинни\w{1,2} адресата",
    "чоловіка дружини тата сина сестри подруги доньки сусіда бабусі колеги шефа",
)
#: «позвоните мужу»
DATIVE = words(
    "мужу жене супругу супруге маме матери папе отцу сыну дочери дочке брату сестре бабушке дедушке деду внуку внучке теще тестю",
    "свекрови свекру зятю невестке другу подруге парню девушке соседу соседке знакомому знакомой родителям тете дяде коллеге",
    "шефу боссу начальнику директору руководителю бухгалтеру секретарю помощнику помощнице ассистенту водителю курьеру мастеру",
    "прорабу риэлтору риелтору юристу администратору напарнику партнеру хозяину хозяйке собственнику владельцу заказчику",
    "получателю имениннице имениннику врачу няне консьержу снабженцу кладовщику монтажнику поставщику ему ей им",
    "чоловіку дружині мамі татові сину доньці сестрі подрузі колезі йому їй",
)
_INSTRUMENTAL = words(
    "мужем женой мамой папой отцом сыном дочерью братом сестрой бухгалтером директором прорабом водителем курьером менеджером"
    " помощником помощницей секретарем начальником мастером риелтором риэлтором юристом соседом соседкой другом подругой"
    " коллегой шефом нею ней ним ними"
)
CASES = any_of(DATIVE, _INSTRUMENTAL)
#: «муж 8 916 …»: never a title that one gives oneself in a signature.
NOMINATIVE = words(
    "муж жена супруг супруга мама мать папа отец сын дочь дочка брат сестра бабушка дедушка внук внучка теща тесть свекровь"
    " свекор зять",
    "невестка друг подруга парень сосед соседка коллега напарник шеф консьерж водитель курьер собственник собственница хозяин"
    " хозяйка",
    "арендодатель завхоз кладовщик няня помощница чоловік дружина син донька сусід сусідка колега",
)
PEOPLE = words(
    "husband wife spouse partner mom mum mother dad father son daughter brother sister grandmother grandma grandfather grandpa"
    " aunt",
    "uncle cousin friend boyfriend girlfriend fianc[eé]e? neighbou?r roommate flatmate colleague co-?worker boss manager"
    " secretary",
    "assistant accountant driver courier landlord landlady tenant lawyer agent contractor doctor nanny parents? kid child",
    "mother-in-law father-in-law insurance insurer bank dealer hospital school clinic vendor client customer supplier director",
    "supervisor receptionist technician tech plumber electrician realtor concierge",
)
#: What a number or address is called.
THING = words(
    r"номер\w{0,2} тел(?:ефон\w{0,2})?\.? моб(?:ильн\w{2,3})?\.? сотов\w{2,3} почт\w e-?mail мейл\w? имейл мыло ящик"
    r" адрес\w{0,2}",
    r"контакт\w{0,3} ватсап\w? вотсап\w? whats\s?app вайбер телеграм\w? тг ник пошт\w skype скайп",
)
_KIND = words("cell mobile home work phone office desk direct")
THING_EN = rf"(?:{_KIND} )?" + any_of(
    "number", "phone", "cell", "mobile", "e-?mail", "email address", "mail", "whats ?app", "contact", "line", "tel", "desk",
    "office", "telegram", "address", "telephone", "viber",
)  # fmt: skip
