"""Accounts and users as the back office sends them."""
