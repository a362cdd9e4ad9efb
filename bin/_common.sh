# shellcheck shell=bash
# Shared by the commands in bin/: from a bare Debian 12 or 13 to a Python environment and the programs of the lab.
# Sourced, never run. Functions end the command with 2 ("could not do it") when something is missing.

FEDGATE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=${FEDGATE_VENV:-$FEDGATE_ROOT/.venv}
# Settings count only where the command is started; this makes them count from everywhere.
export ANSIBLE_CONFIG="$FEDGATE_ROOT/ansible.cfg"
# Debian's root may have a PATH without the administrator's programs.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 2
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# Install the Debian packages that are missing. WHY completes the sentence "needed for …".
# need_packages WHY PACKAGE…
need_packages() {
    local why=$1 package missing=()
    shift
    command -v dpkg-query >/dev/null ||
        die "this is no Debian system; needed for $why are the equivalents of: $*. Install them and call again with FEDGATE_NO_PACKAGES=1."
    [ -z "${FEDGATE_NO_PACKAGES:-}" ] || return 0
    for package in "$@"; do
        # "ok installed" also for held packages; "deinstall ok config-files" means removed.
        case $(dpkg-query --show --showformat '${Status}' "$package" 2>/dev/null) in
        *" ok installed") ;;
        *) missing+=("$package") ;;
        esac
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    is_root || die "these packages are needed for $why: run as root  apt-get install ${missing[*]}"
    say "Installing packages for $why: ${missing[*]}"
    install_packages "${missing[@]}"
}

install_packages() {
    local log policy=/usr/sbin/policy-rc.d ours=
    log=$(mktemp)
    # Services that packages bring are not started: the tests start their own, and only while they need them.
    if [ ! -e $policy ]; then
        ours=yes
        printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
        trap 'exit 130' INT TERM
    fi
    if ! { DEBIAN_FRONTEND=noninteractive apt-get -q update &&
        DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$@"; } 2>&1 |
        tee "$log" | sed -un -e 's/^Setting up \([^ ]*\).*/    \1/p' -e '/^E: /p'; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "apt-get could not install $*; the end of its output stands above."
    fi
    rm -f "$log"
    if [ -n "$ours" ]; then
        rm -f $policy
        trap - EXIT INT TERM
    fi
}

usable_python() {
    "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# Set PYTHON to an interpreter that is new enough and can make environments.
need_python() {
    local candidate
    for attempt in look install; do
        for candidate in ${FEDGATE_PYTHON:-} python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
            if usable_python "$candidate"; then
                PYTHON=$(command -v "$candidate")
                return 0
            fi
        done
        [ $attempt = look ] || break
        need_packages "the Python environment" python3 python3-venv ca-certificates
    done
    die "no Python 3.11 or newer with its venv module was found; name one in FEDGATE_PYTHON."
}

# Make .venv hold exactly what a lock file names; instant when it already does.
# need_venv LOCKFILE (relative to the checkout)
need_venv() {
    local lock=$FEDGATE_ROOT/$1 stamp sum
    sum=$(sha256sum <"$lock" | cut -d' ' -f1)
    stamp=$VENV/.installed-$(basename "$1" .txt)
    if [ "$(cat "$stamp" 2>/dev/null)" != "$sum" ] || ! "$VENV/bin/python" -c '' 2>/dev/null; then
        need_python
        (
            # Two commands of one checkout may start at once.
            flock 9
            fill_venv "$lock" && printf '%s\n' "$sum" >"$stamp"
        ) 9>"$VENV.lock" || exit 2
    fi
    export PATH="$VENV/bin:$PATH"
}

fill_venv() {
    local log=$VENV.log
    "$VENV/bin/python" -c '' 2>/dev/null || {
        say "Making the Python environment $VENV"
        rm -rf "$VENV"
        "$PYTHON" -m venv "$VENV" || die "could not make the environment with $PYTHON"
    }
    say "Installing Python packages of ${1#"$FEDGATE_ROOT"/}"
    if ! "$VENV/bin/python" -m pip install --disable-pip-version-check --require-hashes --only-binary :all: \
        --requirement "$1" 2>&1 | tee "$log" | sed -un 's/^Collecting \([^ ;]*\).*/    \1/p'; then
        tail -n 15 "$log" >&2
        die "pip could not install ${1#"$FEDGATE_ROOT"/}; the end of its output stands above, all of it in $log."
    fi
}

# What bin/lab runs containers with. Containers with systemd as their first process need root.
need_lab() {
    is_root || die "the lab runs systemd inside containers, and that needs root: call it with sudo."
    local network=netavark
    # Podman 4 of Debian 12 works with either; take the one that is there already, and that its own package had.
    dpkg-query --show containernetworking-plugins >/dev/null 2>&1 && network=containernetworking-plugins
    grep -q '^VERSION_ID="12"' /etc/os-release 2>/dev/null && network=containernetworking-plugins
    need_packages "the lab (containers and their images)" \
        podman runc debootstrap debian-archive-keyring "$network" iptables nftables openssh-client openssl ca-certificates
}

set -o pipefail
