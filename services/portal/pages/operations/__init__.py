"""The operators' page: how the services run, what is wrong and what to do; handling parked records again."""
