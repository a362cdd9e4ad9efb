"""Users' contacts in an archive of ``Export-CsUserData``: what it says, and what of it a gateway can carry."""
