"""Providers of octoDNS: services whose interface it speaks, restricted to the record sets that are ours."""
