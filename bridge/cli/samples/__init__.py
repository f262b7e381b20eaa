"""Requests of chat services as samples: heard, masked, kept, and sent again.

`listening` waits for one · `sampling` makes a sample of it · `disguise` leaves nobody in it, with `fictitious` contacts and their
`spellings` · `recorded` finds one again · `signing` has it sent as the chat service would.
"""
