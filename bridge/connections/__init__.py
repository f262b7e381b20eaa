"""The configured connections, ready for work.

`sources` are chat services and `targets` CRMs, each with its mapping · `route_scope` is what the conditions between the two
see of a chat · `sites` reads an agency's: one customer's mistake stops that customer alone · `removal` asks twice before a
connection goes to which chats are on their way.
"""
