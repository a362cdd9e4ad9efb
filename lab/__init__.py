"""A laboratory of real hosts on one machine: created, repaired and removed by ``bin/lab``. Standard library only."""
