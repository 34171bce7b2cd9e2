"""Service-level clocks and the calendars that they run by."""
