"""Gateways: the model compiled to what one kind of server honours, and the transaction that puts it live."""
