"""Makes an inventory of what a running deployment has, and compares the two."""
