"""Certificates from any CA that speaks ACME (RFC 8555), by dns-01; on the controller only.

The parts, from the bottom: ``settings`` and ``state`` (what is kept on the controller), ``words`` (errors),
``session`` (the CA), ``account``, ``board`` (challenge records in DNS), ``kept`` (what was issued), ``batch`` (all
orders of a run). Beside them ``caa`` (RFC 8657) and ``renewal`` (RFC 9773).
"""
