#!/usr/bin/env bash
# smoke.sh [IMAGE]: runs the image as hardened as it promises to bear, and ends with 1 at the first broken promise.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
image=${1:-consentio-sync} name=consentio-sync-smoke-$$ grace=30
trap 'docker rm --force --volumes "$name" >/dev/null 2>&1 || true' EXIT

fail() {
  echo "FAIL: $*" >&2
  docker logs "$name" >&2 || true
  exit 1
}

inspect() { docker inspect "$name" --format "$1"; }

user=$(docker image inspect "$image" --format '{{.Config.User}}')
[[ $user =~ ^[1-9][0-9]*:[1-9][0-9]*$ ]] || fail "USER is '$user', not a numeric id other than root's"
left=$(docker run --rm --entrypoint sh "$image" -c 'ls -A /run/secrets /etc/pip.conf /src /dist 2>/dev/null' || true)
[ -z "$left" ] || fail "the build left something behind: $left"

docker run --detach --name "$name" --network none --read-only --cap-drop ALL --security-opt no-new-privileges \
  --pids-limit 100 --memory 256m \
  --tmpfs /tmp:rw,noexec,nosuid,nodev,size=16m --tmpfs /var/lib/consentio-sync:uid=10001,gid=10001 \
  --mount type=bind,src="$here/smoke.toml",dst=/etc/consentio-sync/config.toml,readonly \
  --env SANDBOX_API_KEY=sk_test_sandbox "$image" >/dev/null
for _ in $(seq 60); do
  health=$(inspect '{{if .State.Health}}{{.State.Health.Status}}{{end}}')
  [ -n "$health" ] || fail "no HEALTHCHECK"
  [ "$health" != healthy ] || break
  sleep 1
done
[ "$health" = healthy ] || fail "health is $health: $(inspect '{{range .State.Health.Log}}{{.Output}}{{end}}')"

# The daemon's own process: what `docker exec` starts could be better off.
status=$(docker exec "$name" cat /proc/1/status)
grep -Eq '^Uid:\s+[1-9]' <<<"$status" || fail "the daemon runs as root"
grep -Eq '^CapEff:\s+0+$' <<<"$status" || fail "it has capabilities left"
grep -Eq '^NoNewPrivs:\s+1$' <<<"$status" || fail "it may gain privileges"
grep -Eq '^Seccomp:\s+2$' <<<"$status" || fail "no filter of system calls"
! docker exec "$name" touch /opt/consentio-sync/probe 2>/dev/null || fail "the root file system is writable"
! docker exec "$name" consentio-sync healthcheck --ready 2>/dev/null || fail "it calls itself ready without Consentio"

began=$(date +%s%N)
docker stop --time "$grace" "$name" >/dev/null
took=$((($(date +%s%N) - began) / 1000000))
code=$(inspect '{{.State.ExitCode}}')
[ "$code" = 0 ] || fail "exit code $code after SIGTERM (137: killed after $grace s; 143: no handler)"
echo "ok: $image runs as $user on a read-only root without capabilities, is healthy, and stopped in $took ms"
