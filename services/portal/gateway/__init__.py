"""The front door itself: sessions, tokens, limits, headers, and the way to the services."""
