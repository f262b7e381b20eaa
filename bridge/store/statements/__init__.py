"""What is asked of a store and written to it, in SQL that every engine understands, over one connection (`database`).

`intake` deliveries and what they mean · `fetches` what is fetched for them · `jobs` outcomes and what people do · `journal`
operations, identities, what is delivered · `people` erasure · `notices` stops and alerts · `tokens` · `tallies` figures ·
`searching` the index · `retention` what is emptied · `facts`.

Nothing in here locks, begins or commits: that is the engine's. A function that reads before it writes relies on nobody else
changing that meanwhile: on SQLite there is one writer; where there are several, the chats, deliveries and visitors that it is
about are locked before it is called.
"""
