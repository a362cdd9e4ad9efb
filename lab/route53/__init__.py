"""Route 53 as the tests and the benchmark have it: moto's server, a proxy that answers as AWS does where moto is more
lenient, and a DNS server that shows what the API holds."""
