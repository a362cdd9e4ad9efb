"""The suite ``lync``: partners on Lync Server, in one session and in the usual way."""
