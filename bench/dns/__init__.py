"""Suite ``dns``: our module ``dns_records`` and what one would use otherwise, on Route 53 (moto) and on BIND."""
