"""What dispatch, engineers and the contact centre are told."""
