"""Readings, the remote link and stock: nothing runs yet."""
