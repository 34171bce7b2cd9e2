"""What the routes of all services share: who asks, commands and versions, pages of lists, problems, live streams."""
