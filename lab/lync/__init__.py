"""An emulated deployment of Lync Server beside the lab's hosts: a process of this machine, for inventories/lab-lync.

It listens at the first address of the lab's network, which partners reach. Only ``server`` needs packages.
"""
