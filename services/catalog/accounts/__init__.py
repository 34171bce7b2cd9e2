"""The local view of accounts: their names and numbers, for lists and search."""
