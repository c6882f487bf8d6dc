#!/usr/bin/env bash
# check.sh: builds the image, smokes it, and lets the compose stack's trial lose its database and its daemon.
# Needs Docker 25 or newer with compose (lab.sh brings one to a Debian without). Its image, names and volumes go with it.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
export COMPOSE_PROJECT_NAME=consentio-sync-check-$$ COMPOSE_PROFILES=sandbox
export CONSENTIO_SYNC_IMAGE=consentio-sync:check SECRETS=$work/secrets PACE=60

clean() {
  docker compose down --volumes --timeout 5 || true
  docker image rm "$CONSENTIO_SYNC_IMAGE" || true
  rm -rf "$work"
} >/dev/null 2>&1
trap clean EXIT

say() { printf '=== %s\n' "$*"; }

fail() {
  echo "FAIL: $*" >&2
  docker compose logs --tail 40 trial >&2
  exit 1
}

# until_true SECONDS WHAT COMMAND...: waits for a command to succeed.
until_true() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || fail "in vain waited for: $what"
    sleep 1
  done
}

in_trial() { docker compose exec --no-TTY trial "$@"; }
trial() { docker inspect "$(docker compose ps --all --quiet trial)" --format "$1"; }
is_ready() { in_trial consentio-sync healthcheck --ready; }
is_not_ready() { ! is_ready; }
has_restarted() { [ "$(trial '{{.RestartCount}}')" = 1 ]; }
documents() { in_trial sh -c 'ls erp/inbox | wc -l'; }
has_more_than() { [ "$(documents)" -gt "$1" ]; }

# Not `docker kill`: after that, the engine would keep to what it was told and not start the container again.
kill_9() { docker run --rm --pid host --user 0 --network none --entrypoint sh "$CONSENTIO_SYNC_IMAGE" -c "kill -9 $1"; }

say "the compose file"
docker compose config --quiet
say "the image"
docker compose build --quiet trial
deploy/containers/smoke.sh "$CONSENTIO_SYNC_IMAGE"

say "the trial: orders travel"
deploy/compose/make-secrets "$SECRETS" 2>/dev/null
docker compose up --detach --wait --wait-timeout 120 --quiet-pull trial 2>/dev/null || fail "the trial does not start"
until_true 60 "documents in the inbox" has_more_than 3

say "the database is killed, and started again"
docker compose kill db 2>/dev/null
until_true 60 "the daemon to say that it is not ready" is_not_ready
docker compose start db 2>/dev/null
until_true 60 "the daemon to be ready again" is_ready
[ "$(trial '{{.RestartCount}}')" = 0 ] || fail "the daemon did not outlive its database's end"
until_true 60 "more documents" has_more_than "$(documents)"

say "the daemon is killed, and comes back by itself"
kill_9 "$(trial '{{.State.Pid}}')"
until_true 60 "the engine to start it again" has_restarted
until_true 60 "the daemon to be ready again" is_ready
until_true 60 "more documents" has_more_than "$(documents)"

say "both sides' books"
in_trial python - <deploy/containers/balance.py || fail "they do not balance"
docker compose stop trial 2>/dev/null
[ "$(trial '{{.State.ExitCode}}')" = 0 ] || fail "the trial's daemon ended with $(trial '{{.State.ExitCode}}')"
echo "ok: $CONSENTIO_SYNC_IMAGE and docker-compose.yml keep their promises"
