"""Which alerts a person wants."""
