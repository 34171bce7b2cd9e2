"""The list of tickets, the page of one, and what a customer does on it."""
