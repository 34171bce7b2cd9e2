"""The demonstration: a fault reported at 17:40 on the eve of a public holiday, played over the real system."""
