"""Accounts, people and their rights, sign-in, country editions."""
