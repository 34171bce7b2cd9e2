"""Plumbing that every service uses and that knows no business word, and the contracts between them."""
