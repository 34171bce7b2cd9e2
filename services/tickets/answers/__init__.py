"""The contact centre's answers: held for a moment in which they can be taken back, then sent with all that follows."""
