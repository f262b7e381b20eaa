"""`chat2crm check --live TARGET`: does this CRM let us do what a chat needs?

`check` asks what it can without writing: `limits` how much of them is used, `names` whether it knows pipelines, stages, sources
and users, `fields` whether it has those that are filled · `probe` writes, on request, and takes it back · `screen` prints.
"""
