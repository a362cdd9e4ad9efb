#!/usr/bin/python
"""A module that leaks on purpose: the hunt for secrets must catch each of its ways."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    """Leak in the way that was asked for."""
    module = AnsibleModule(
        argument_spec={
            "secret": {"type": "str", "required": True, "no_log": True},
            "way": {"choices": ["none", "result", "arguments", "file", "diff", "warning"], "required": True},
        }
    )
    secret, way = module.params["secret"], module.params["way"]
    result: dict[str, object] = {"changed": False}
    if way == "arguments":
        subprocess.run(["sh", "-c", "sleep 0.3; exit 0", secret], check=False)
    if way == "file":
        with tempfile.NamedTemporaryFile("w", dir=os.environ.get("TMPDIR")) as file:
            file.write(secret)
            file.flush()
            time.sleep(0.3)
    if way == "result":
        module.no_log_values.clear()
        result["seen"] = secret
    if way == "diff":
        module.no_log_values.clear()
        result["diff"] = {"before": "", "after": secret}
        result["changed"] = True
    if way == "warning":
        module.no_log_values.clear()
        module.warn(f"the secret is {secret}")
    result["length"] = len(secret)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
