"""Whose a contact is, by the words around it.

`before` and `after` hold the tables of words beside a contact, `cues` what they are made of · `people`, `roles` and `naming` say
who is not the visitor: by pronoun, by kinship or trade, by name · `claims` puts it together with what was asked.
"""
