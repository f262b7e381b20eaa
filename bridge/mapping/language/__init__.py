"""Expressions and templates: read once, at load, and written out as Python functions.

`syntax` reads JMESPath, `truth` has its rules of what is empty and what is the same, `steps` and `compiling` make a function of
an expression (`expressions`), over the names that `scopes` lay out. `template_text` finds expressions in texts,
`template_nodes` and `templates` make functions of whole requests; `python_code` is what all of them write. `patterns` are
regular expressions that cannot run away, by their `pattern_cost`.
"""
