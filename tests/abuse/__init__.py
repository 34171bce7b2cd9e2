"""The system against everything that nobody should send: bounded here, longer by `make abuse`."""
