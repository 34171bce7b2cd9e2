"""The portal: one front door for browsers and programs."""
