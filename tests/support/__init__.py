"""What tests share: waiting for a state, talking to services as clients do, and to topics as parties do."""
