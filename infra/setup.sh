#!/usr/bin/env bash
# Sets up what is missing: the instance's keys and directories, Kafka's topics, users and rights, the
# database's schemas and roles. Run at every `docker compose up`, and again after an upgrade or a new password.
set -euo pipefail

home=${COUNTERFOIL_HOME:?}
if [[ ! -e $home/instance.json ]]; then
    counterfoil init --host "${MARKET_HOST:?}" --operator-name "${MARKET_OPERATOR:?}"
fi
for service in issuance ledger matching redemption; do # each service's container mounts its own two, and no other
    mkdir -p "$home/logs/$service"
    (umask 077 && mkdir -p "$home/db/$service-signer")
done
case ",${PROFILES:-}," in
    *,three-brokers,*) counterfoil topics apply --brokers 3 ;;
    *) counterfoil topics apply --brokers 1 ;;
esac
counterfoil database apply
