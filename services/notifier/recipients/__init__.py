"""The local views of people, of their addresses, and of the country editions."""
