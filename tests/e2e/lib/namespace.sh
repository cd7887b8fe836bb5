# shellcheck shell=bash
# A machine of the test's own, as far as the network and the mounts go: ports 80, 443 and 1514 are free, /etc/hosts and
# Docker's certificates can be changed, and nothing is left when it ends. The test is run in it once for each Compose.
#
# Sourced first, before e2e.sh. Sets $compose_version, and $composer: the command as an operator has it.

if [ -z "${E2E_COMPOSE-}" ]; then
    for version in ${E2E_COMPOSE_VERSIONS:-1.29 2}; do
        echo "  with Compose $version"
        E2E_COMPOSE=$version unshare --mount --net --propagation private "$0" "$@" || exit
    done
    exit 0
fi

compose_version=$E2E_COMPOSE
ip link set lo up
mount -t tmpfs tmpfs /etc/docker 2>/dev/null || { mkdir -p /etc/docker && mount -t tmpfs tmpfs /etc/docker; }
