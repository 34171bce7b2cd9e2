"""Refusals and failures as pages, and forms whose token has passed."""
