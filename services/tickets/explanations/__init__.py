"""Why a ticket's deadlines and state are what they are."""
