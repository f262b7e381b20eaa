"""How a plan is said to a CRM.

`render` writes the request, `auth` signs it, `limits` keeps the pace, `decipher` reads the answer, `look` finds what
may have been done already, `merge` knows what is new to a card, and `client` is who does it all.
"""
