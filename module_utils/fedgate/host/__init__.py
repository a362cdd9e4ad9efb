"""A running Linux host, looked at from inside: its services, its listening sockets, the certificates that it shows."""
