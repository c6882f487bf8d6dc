#!/usr/bin/env bash
# lab.sh fetch|up|bases|env|down|purge: a private Docker engine with stand-ins for the base images, where no registry is in reach.
#
#   deploy/containers/lab.sh fetch && deploy/containers/lab.sh up && deploy/containers/lab.sh bases
#   eval "$(deploy/containers/lab.sh env)" && make image-check
#   deploy/containers/lab.sh purge
#
# For root on Debian 12. Everything lives in $LAB (about 1.5 GB), apart from the packages debootstrap, iptables and runc.
# The stand-ins are Debian's own Python 3.13 and PostgreSQL 17 under the official images' names, labelled `stand-in`:
# what passes here was built and run against them, not against the official images. Never publish an image made from them.
set -euo pipefail
LAB=${LAB:-$HOME/.oci-lab} SUITE=trixie
ENGINE=$LAB/engine
export PATH=$ENGINE/usr/bin:$ENGINE/usr/sbin:$PATH DOCKER_HOST=unix://$LAB/docker.sock DOCKER_CONFIG=$LAB/client

# The Debian mirror that this machine's apt already uses.
mirror() {
  # shellcheck disable=SC2016  # apt and awk expand these
  apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' | awk '$2 !~ /-/ && !s {print $1; s=1}'
}

# The engine and its clients from Debian 13: they need no newer libraries than Debian 12 has, and are unpacked, not installed.
fetch() {
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap iptables runc >/dev/null
  mkdir -p "$LAB"/apt/lists/partial "$LAB"/debs "$LAB"/client/cli-plugins "$ENGINE"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror) $SUITE main" >"$LAB"/apt/sources.list
  local apart=(-qq -o Dir::Etc::sourcelist="$LAB"/apt/sources.list -o Dir::Etc::sourceparts=/dev/null
    -o Dir::State::lists="$LAB"/apt/lists -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root)
  apt-get "${apart[@]}" update
  (cd "$LAB"/debs && apt-get "${apart[@]}" download docker.io docker-cli containerd docker-compose docker-buildx)
  local deb
  for deb in "$LAB"/debs/*.deb; do dpkg -x "$deb" "$ENGINE"; done
  ln -sf "$ENGINE"/usr/libexec/docker/cli-plugins/* "$LAB"/client/cli-plugins/
  rm -rf "$LAB"/debs "$LAB"/apt/lists
}

up() {
  local most
  most=$(ulimit -Hn)
  [ "$most" != unlimited ] || most=1048576
  # Without CAP_SYS_RESOURCE a container may not be given more than our own hard limits.
  cat >"$LAB"/daemon.json <<JSON
{"data-root": "$LAB/data", "exec-root": "$LAB/exec", "pidfile": "$LAB/docker.pid", "group": "root",
 "hosts": ["$DOCKER_HOST"], "storage-driver": "overlay2", "features": {"buildkit": true},
 "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1024, "Hard": $most},
                     "nproc": {"Name": "nproc", "Soft": 4096, "Hard": 4096}}}
JSON
  setsid dockerd --config-file "$LAB"/daemon.json >"$LAB"/dockerd.log 2>&1 </dev/null &
  for _ in $(seq 60); do
    docker version >/dev/null 2>&1 && return
    sleep 0.5
  done
  tail -n 20 "$LAB"/dockerd.log >&2
  return 1
}

# install_in ROOT PACKAGE...
install_in() {
  local root=$1
  shift
  chroot "$root" sh -c "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $*" \
    >>"$LAB"/bases.log 2>&1
}

# import_base ROOT NAME OPTION...: leaves out caches, documents and this machine's settings.
import_base() {
  local root=$1 name=$2
  shift 2
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/usr/share/{doc,man,locale}/*
  rm -f "$root"/etc/resolv.conf "$root"/etc/hostname "$root"/etc/apt/sources.list
  tar -C "$root" --numeric-owner -c . | docker import -c 'LABEL stand-in=true' "$@" - "$name"
  rm -rf "$root"
}

python_base() {
  local root=$1
  install_in "$root" python3 python3-pip python3-venv
  rm -f "$root"/usr/lib/python3.*/EXTERNALLY-MANAGED
  ln -sf /usr/bin/python3 "$root"/usr/local/bin/python3
  ln -sf python3 "$root"/usr/local/bin/python
  import_base "$root" python:3.13-slim \
    -c 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8' -c 'CMD ["python3"]'
}

postgres_base() {
  local root=$1
  printf '#!/bin/sh\nexit 101\n' >"$root"/usr/sbin/policy-rc.d
  chmod 755 "$root"/usr/sbin/policy-rc.d
  mkdir -p "$root"/etc/postgresql-common "$root"/docker-entrypoint-initdb.d
  echo 'create_main_cluster = false' >"$root"/etc/postgresql-common/createcluster.conf
  chroot "$root" sh -c 'groupadd -g 999 postgres; useradd -u 999 -g 999 -d /var/lib/postgresql -s /bin/sh postgres'
  install_in "$root" postgresql-17
  install -m 755 "$(dirname "$0")"/postgres-entrypoint.sh "$root"/usr/local/bin/docker-entrypoint.sh
  import_base "$root" postgres:17 \
    -c 'ENV PATH=/usr/lib/postgresql/17/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8' \
    -c 'ENV PGDATA=/var/lib/postgresql/data' -c 'VOLUME /var/lib/postgresql/data' -c 'EXPOSE 5432' -c 'STOPSIGNAL SIGINT' \
    -c 'ENTRYPOINT ["docker-entrypoint.sh"]' -c 'CMD ["postgres"]'
}

bases() {
  debootstrap --variant=minbase --include=ca-certificates,netbase,tzdata $SUITE "$LAB"/root-postgres "$(mirror)" >"$LAB"/bases.log
  cp -L /etc/resolv.conf "$LAB"/root-postgres/etc/
  cp -a "$LAB"/root-postgres "$LAB"/root-python
  python_base "$LAB"/root-python
  postgres_base "$LAB"/root-postgres
}

# Stops this engine only, by its own pid file.
down() {
  [ -s "$LAB"/docker.pid ] || return 0
  local pid
  pid=$(cat "$LAB"/docker.pid)
  kill "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
}

purge() {
  down
  ip link del docker0 2>/dev/null || true
  rm -rf "$LAB"
}

case ${1:-} in
  fetch | up | bases | down | purge) "$1" ;;
  env)
    echo "export PATH=$ENGINE/usr/bin:\$PATH DOCKER_HOST=$DOCKER_HOST DOCKER_CONFIG=$DOCKER_CONFIG"
    echo "export CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt"
    ;;
  *)
    echo "usage: lab.sh fetch|up|bases|env|down|purge" >&2
    exit 2
    ;;
esac
