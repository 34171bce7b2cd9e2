"""Messages: who gets one, when it leaves, and what became of it."""
