"""The model: what an inventory says, as checked, plain values. No I/O, no Ansible."""
