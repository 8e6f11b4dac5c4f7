#!/usr/bin/env bash
# Makes what the containers know each other by: passwords, Kafka's authority and certificates, Kafka's cluster id.
#
# usage: secrets.sh DIRECTORY                 make what is missing; run again, it changes nothing else
#        secrets.sh DIRECTORY --renew USER    a new password of USER for Kafka and for PostgreSQL
#        secrets.sh DIRECTORY --new-cluster   a new cluster id: for a Kafka that begins again with nothing
#
#   USER/      kafka-USER, postgres-USER, kafka-ca.pem: to be mounted as COUNTERFOIL_SECRETS; admin/ has every password
#   kafka-N/   keystore.pem, ca.pem, cluster, kafka-admin     of one broker
#   postgres/  superuser, postgres-admin
#   grafana/   admin
#   ca/        the authority's key and certificate: for this script alone
#
# Every file is 0600 and belongs to who reads it; that takes root, others get files of their own. A broker's certificate
# is made anew when it has less than 60 days left.
set -euo pipefail
umask 077

readonly USERS=(issuance ledger matching redemption gateway views admin)
readonly BROKERS=(1 2 3)
readonly COUNTERFOIL=10001 KAFKA=1000 POSTGRES=999 GRAFANA=472 # user and group ids in the images
readonly AUTHORITY_DAYS=3650 BROKER_DAYS=730 RENEW_SECONDS=$((60 * 24 * 3600))

own() { # OWNER FILE
    if ((EUID == 0)); then chown "$1:$1" "$2"; fi
}

folder() { # OWNER NAME
    mkdir -p "$2"
    chmod 700 "$2"
    own "$1" "$2"
}

put() { # OWNER FILE: standard input becomes the file, as a whole or not at all
    local new
    new=$(mktemp "$2.XXXXXX")
    cat >"$new"
    own "$1" "$new"
    mv -T "$new" "$2"
}

random_id() { # what Kafka takes for a cluster or a directory: 16 octets in base64url, no dash in front
    local id=-
    while [[ $id == -* ]]; do id=$(openssl rand -base64 16 | tr '+/' '-_' | tr -d '='); done
    echo "$id"
}

make_authority() {
    folder 0 ca
    if [[ ! -e ca/ca.pem ]]; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -keyout ca/ca.key -out ca/ca.pem.new \
            -days "$AUTHORITY_DAYS" -config <(printf '%s\n' '[req]' 'prompt=no' 'distinguished_name=name' \
                'x509_extensions=use' '[name]' 'CN=Counterfoil Kafka authority' '[use]' 'subjectKeyIdentifier=hash' \
                'basicConstraints=critical,CA:TRUE,pathlen:0' 'keyUsage=critical,keyCertSign,cRLSign') 2>/dev/null
        mv -T ca/ca.pem.new ca/ca.pem # last: with it the authority is there
    fi
    if [[ ! -e ca/cluster ]]; then
        { echo "CLUSTER_ID=$(random_id)"; for n in "${BROKERS[@]}"; do echo "DIRECTORY_$n=$(random_id)"; done; } |
            put 0 ca/cluster
    fi
}

make_broker() { # N
    local name=kafka-$1 work
    folder "$KAFKA" "$name"
    put "$KAFKA" "$name/ca.pem" <ca/ca.pem
    put "$KAFKA" "$name/cluster" <ca/cluster
    put "$KAFKA" "$name/kafka-admin" <admin/kafka-admin
    if [[ -e $name/keystore.pem ]] && openssl verify -CAfile ca/ca.pem "$name/keystore.pem" >/dev/null 2>&1 &&
        openssl x509 -in "$name/keystore.pem" -noout -checkend "$RENEW_SECONDS" >/dev/null; then
        return
    fi
    work=$(mktemp -d)
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -keyout "$work/key" -out "$work/request" \
        -config <(printf '%s\n' '[req]' 'prompt=no' 'distinguished_name=name' '[name]' "CN=$name") 2>/dev/null
    openssl x509 -req -in "$work/request" -CA ca/ca.pem -CAkey ca/ca.key -set_serial "0x$(openssl rand -hex 16)" \
        -days "$BROKER_DAYS" -out "$work/certificate" -extfile <(printf '%s\n' \
            "subjectAltName=DNS:$name,DNS:kafka,DNS:localhost" 'basicConstraints=critical,CA:FALSE' \
            'keyUsage=critical,digitalSignature' 'extendedKeyUsage=serverAuth,clientAuth') 2>/dev/null
    cat "$work/key" "$work/certificate" ca/ca.pem | put "$KAFKA" "$name/keystore.pem"
    rm -r "$work"
}

make_password() { # OWNER FILE
    if [[ ! -e $2 ]]; then openssl rand -hex 32 | put "$1" "$2"; fi
}

renew() { # USER; the administrator logs in to Kafka with the old one once more, to set the new one
    case " ${USERS[*]} " in
        *" $1 "*) ;;
        *) echo "no user $1: one of ${USERS[*]}" >&2 && exit 2 ;;
    esac
    if [[ $1 == admin ]]; then put "$COUNTERFOIL" admin/kafka-admin.old <admin/kafka-admin; fi
    rm -f "admin/kafka-$1" "admin/postgres-$1"
}

make_passwords() {
    folder "$COUNTERFOIL" admin
    for user in "${USERS[@]}"; do
        folder "$COUNTERFOIL" "$user"
        put "$COUNTERFOIL" "$user/kafka-ca.pem" <ca/ca.pem
        for server in kafka postgres; do
            make_password "$COUNTERFOIL" "admin/$server-$user"
            if [[ $user != admin ]]; then put "$COUNTERFOIL" "$user/$server-$user" <"admin/$server-$user"; fi
        done
    done
    folder "$POSTGRES" postgres
    make_password "$POSTGRES" postgres/superuser
    put "$POSTGRES" postgres/postgres-admin <admin/postgres-admin
    folder "$GRAFANA" grafana
    make_password "$GRAFANA" grafana/admin
}

cd "${1:?usage: secrets.sh DIRECTORY [--renew USER | --new-cluster]}"
case "${*:2}" in
    "") ;;
    "--renew "*) renew "$3" ;;
    --new-cluster) rm -f ca/cluster ;;
    *) echo "usage: secrets.sh DIRECTORY [--renew USER | --new-cluster]" >&2 && exit 2 ;;
esac
make_authority
make_passwords
for n in "${BROKERS[@]}"; do make_broker "$n"; done
