"""The broker as clients see it: how to connect, how to send, and the form of a record."""
