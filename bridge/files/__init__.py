"""Files that people sent along in a chat: told apart by their bytes, fetched from where they lie. Never opened, never run."""
