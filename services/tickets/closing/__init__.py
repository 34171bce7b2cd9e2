"""Silence closes resolved tickets, after a warning."""
