"""Accounts: the tree, both numbers, and the administrators that each counts."""
