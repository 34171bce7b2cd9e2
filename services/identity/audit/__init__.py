"""The history of users and accounts, for those who answer for them."""
