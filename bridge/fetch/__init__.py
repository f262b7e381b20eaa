"""FETCH: what a provider keeps behind its own API, and chats that ended while nobody listened.

`connection` speaks to one source's provider · `failures` what goes wrong, sorted by what helps · `fetcher` deliveries that wait
for an answer → what they mean · `pull` a list of finished chats, page by page · `reconcile` does that from time to time.
Everything here only reads from the provider, so that whatever is interrupted is simply done again.
"""

from bridge.fetch.connection import Connection, connect
from bridge.fetch.failures import Failure, Remedy, sort_out
from bridge.fetch.fetcher import Fetcher
from bridge.fetch.pull import Pull, Window
from bridge.fetch.reconcile import Reconciler

__all__ = ["Connection", "Failure", "Fetcher", "Pull", "Reconciler", "Remedy", "Window", "connect", "sort_out"]
