"""Edge certificates: keys, requests, chains, issuers, and the generations in which they lie on an edge host.

``prepare``, ``issue`` and ``install`` are what the three modules run. Those three, ``settings``, ``names`` and
``generations`` work on a bare host; the other files import python3-cryptography at their top and are therefore imported
only after ``library.require`` has said that it is there.
"""
