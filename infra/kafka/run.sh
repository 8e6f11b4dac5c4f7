#!/usr/bin/env bash
# One broker of the compose file: writes its configuration, formats its storage at the first start, becomes the broker.
#
# KAFKA_NODE   1, 2 or 3
# PROFILES     COMPOSE_PROFILES: with three-brokers in it there are three brokers, else one
#
# Clients connect to 9092 with a password over TLS. Brokers (9093) and controllers (9094) authenticate by certificates.
# The password needed for formatting is passed in a file, never through a command line or the environment.
set -euo pipefail
umask 077

readonly secrets=/etc/kafka/secrets data=/var/lib/kafka/data work=/tmp/kafka
readonly node=${KAFKA_NODE:?} libraries=/opt/kafka/libs

case ",${PROFILES:-}," in
    *,three-brokers,*) nodes=(1 2 3) replicas=3 in_sync=2 ;;
    *) nodes=(1) replicas=1 in_sync=1 ;;
esac
if ((node > replicas)); then
    echo "broker $node runs only where COMPOSE_PROFILES holds three-brokers: put it into .env instead of --profile" >&2
    exit 1
fi
# shellcheck source=/dev/null
source "$secrets/cluster" # CLUSTER_ID, DIRECTORY_1, DIRECTORY_2, DIRECTORY_3
cluster="$CLUSTER_ID with brokers 1 to $replicas"
if [[ -e $data/cluster && $(<"$data/cluster") != "$cluster" ]]; then
    echo "this storage belongs to cluster $(<"$data/cluster"), not to $cluster: see infra/README.md, Kafka recreated" >&2
    exit 1
fi
controllers="" voters=""
for n in "${nodes[@]}"; do
    directory=DIRECTORY_$n
    controllers+="${controllers:+,}kafka-$n:9094"
    voters+="${voters:+,}$n@kafka-$n:9094:${!directory}"
done

mkdir -p "$work"
cat >"$work/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=$node
controller.quorum.bootstrap.servers=$controllers
controller.listener.names=CONTROLLER
listeners=CLIENTS://:9092,BROKERS://:9093,CONTROLLER://:9094
advertised.listeners=CLIENTS://kafka-$node:9092,BROKERS://kafka-$node:9093,CONTROLLER://kafka-$node:9094
listener.security.protocol.map=CLIENTS:SASL_SSL,BROKERS:SSL,CONTROLLER:SSL
inter.broker.listener.name=BROKERS

sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location=$secrets/keystore.pem
ssl.truststore.type=PEM
ssl.truststore.location=$secrets/ca.pem
ssl.client.auth=required
listener.name.clients.ssl.client.auth=none
ssl.enabled.protocols=TLSv1.3,TLSv1.2

authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:counterfoil-admin;User:CN=kafka-1;User:CN=kafka-2;User:CN=kafka-3

log.dirs=$data/log
auto.create.topics.enable=false
unclean.leader.election.enable=false
num.partitions=1
default.replication.factor=$replicas
min.insync.replicas=$in_sync
offsets.topic.num.partitions=4
offsets.topic.replication.factor=$replicas
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$in_sync
share.coordinator.state.topic.replication.factor=$replicas
share.coordinator.state.topic.min.isr=$in_sync
group.initial.rebalance.delay.ms=0
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=2097152
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=1000
PROPERTIES

run() { java -XX:-UsePerfData -Dlog4j2.configurationFile=/opt/counterfoil/log4j2.properties -cp "$libraries/*" "$@"; }

if [[ ! -e $data/cluster ]]; then
    # The launcher reads the arguments from the file itself, so they are not in the list of processes.
    cat >"$work/format" <<ARGUMENTS
kafka.tools.StorageTool format --ignore-formatted
--cluster-id $CLUSTER_ID --config $work/server.properties --initial-controllers $voters
--add-scram "SCRAM-SHA-512=[name=counterfoil-admin,password=$(<"$secrets/kafka-admin")]"
ARGUMENTS
    run "@$work/format" >/dev/null # it would show the credentials' salted form
    rm "$work/format"
    echo "$cluster" >"$data/cluster"
fi

exec java -Xms256m -Xmx512m -XX:+UseG1GC -XX:+ExitOnOutOfMemoryError -XX:-UsePerfData \
    -Dlog4j2.configurationFile=/opt/counterfoil/log4j2.properties -cp "$libraries/*" \
    kafka.Kafka "$work/server.properties"
