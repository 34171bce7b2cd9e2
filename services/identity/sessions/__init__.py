"""Sign-in: passwords, sessions, refresh rotation, throttling, signing keys."""
