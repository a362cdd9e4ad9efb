"""DNS records: typed RRsets, pure plans, and one file for each kind of provider."""
