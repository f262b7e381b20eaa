"""The two doors of the process, to the internet and to the people who run it, and what stands in the public one before a
request is looked at.

`listeners` opens both · `porch` takes connections, and hands on those that have sent a whole head · `doorway` says who may
hold one · `turns` whose request is looked at next, when more come without proof than are to be looked at · `allowance` counts
how much may still happen · `bodies` reads what is sent, within one limit for all that is being read · `bare` has the HTTP
server's own answers say nothing.
"""
