#!/bin/sh
# Write all lock files anew from pyproject.toml. Needs uv; keeps present versions unless called with --upgrade.
# Each lock stands alone (it names every package of its group, with hashes, for every platform), and all
# agree with each other: the largest group is solved first, the others are held to its versions.
set -eu
cd "$(dirname "$0")/.."

# Everything is written without index addresses: where packages come from is the user's pip configuration.
lock() { # FILE, then arguments of uv
    file=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-header --no-annotate "$@" --output-file "$file" pyproject.toml $upgrade
    echo "$file"
}

upgrade=${1:-}
lock requirements/test.txt --extra test --extra lync
lock requirements.txt --constraints requirements/test.txt
lock requirements/lab.txt --extra lab --constraints requirements/test.txt
lock requirements/acme.txt --extra acme --constraints requirements/test.txt
lock requirements/octodns.txt --extra octodns --constraints requirements/test.txt
lock requirements/lync.txt --extra lync --constraints requirements/test.txt
lock requirements/bench.txt --extra bench --constraints requirements.txt

# What edge hosts have at the oldest: the unit tests of the code that runs there run with it. Nothing else may come in.
edge() { # VERSION of cryptography
    echo "cryptography==$1" | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-header --no-annotate --output-file "requirements/edge-${1%%.*}.txt" $upgrade -
    echo "requirements/edge-${1%%.*}.txt"
}
edge 36.0.2 # RHEL 9
edge 38.0.4 # Debian 12
# The oldest Python, that of RHEL 9, with an ansible-core that runs on it.
printf '%s\n' 'ansible-core>=2.15,<2.16' cryptography==36.0.2 pytest hypothesis |
    uv pip compile --quiet --python-version 3.9 --python-platform linux --generate-hashes --no-emit-index-url \
        --no-header --no-annotate --output-file requirements/edge-python39.txt $upgrade -
echo requirements/edge-python39.txt

# The second controller that is tested: the newest ansible-core, on Python 3.13.
printf '%s\n' 'ansible-core>=2.20' boto3 cryptography dnspython jinja2 slixmpp pytest hypothesis pyyaml |
    uv pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-emit-index-url \
        --no-header --no-annotate --output-file requirements/newest.txt $upgrade -
echo requirements/newest.txt
