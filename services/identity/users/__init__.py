"""Users: their states, personal data and rights."""
