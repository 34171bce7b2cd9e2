"""Machine clients: their scopes and rotating secrets."""
