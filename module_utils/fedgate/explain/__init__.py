"""What an inventory means: for a pair of addresses, beside another inventory, and for those who knock. Pure values."""
