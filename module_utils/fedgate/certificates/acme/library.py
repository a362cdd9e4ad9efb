"""The libraries that only this issuer needs, on the controller."""

from __future__ import annotations

import sys

from ...errors import MissingDependency


def require() -> None:
    """Make sure that the ACME library and dnspython can be imported. :raises MissingDependency: one is missing."""
    try:
        import acme.client  # noqa: F401 - only whether it is there
        import dns.version  # noqa: F401
        import josepy  # noqa: F401
    except ImportError as error:
        raise MissingDependency(
            f"the Python library {(error.name or 'acme').split('.')[0]} is missing for {sys.executable}",
            hint="The issuer acme needs it: install requirements/acme.txt into the environment that runs Ansible, and "
            'give the task `ansible_python_interpreter: "{{ ansible_playbook_python }}"`.',
        ) from error
