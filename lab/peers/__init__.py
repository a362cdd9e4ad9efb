"""How each role becomes a host: files, and a script that runs in it once. Peers know nothing of Fedgate."""
