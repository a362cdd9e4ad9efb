"""How a deployment moves from one gateway to another in DNS: what was there is noted, lowered, moved, given back."""
