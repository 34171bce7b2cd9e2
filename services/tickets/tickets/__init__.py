"""Tickets: opening, states, people's acts, lists."""
