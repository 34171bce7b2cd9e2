"""How to reach a person."""
