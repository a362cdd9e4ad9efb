"""What the outside world sees of an XMPP domain: DNS, TCP, stream, TLS, SASL, dialback. Looks only, changes nothing."""
