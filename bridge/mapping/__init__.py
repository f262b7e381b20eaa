"""The mapping language: YAML plus JMESPath.

`schema` says what a mapping may hold, `language` and `functions` what may stand in it. `load` reads one (`strict` its YAML), and
says what is wrong: `explain` what has the wrong shape, `lint`, `in_scope`, `unsaid` and `walk` what is legal and wrong,
`suggestions` what was meant. `samples` are the proof beside it, `outline` shows it as it is understood, `paths` name what
must not be seen.
"""
