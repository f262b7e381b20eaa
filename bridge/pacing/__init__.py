"""How often, and when.

`retry` says when a failed job is tried again, or that it is not · `breaker` lets a CRM that is down rest, and one job try
whether it is back · `board` is where replicas agree on limits, rests and whose turn it is.
"""
