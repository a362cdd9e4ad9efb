"""Suite ``policy``: what our modules in Prosody cost, and how soon a changed partner is enforced."""
