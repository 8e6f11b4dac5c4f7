#!/usr/bin/env bash
# Makes the containers' credentials: passwords, an authority and its certificates, Kafka's cluster id.
#
# usage: secrets.sh DIRECTORY                 make what is missing; run again, it changes nothing else
#        secrets.sh DIRECTORY --renew USER    a new password of USER for Kafka and for PostgreSQL
#        secrets.sh DIRECTORY --new-cluster   a new cluster id, for a recreated Kafka
#
#   USER/      kafka-USER, postgres-USER, kafka-ca.pem, postgres-ca.pem (both are this authority's): to be mounted as
#              COUNTERFOIL_SECRETS; admin/ has every password
#   kafka-N/   keystore.pem, ca.pem, cluster, kafka-admin     of one broker
#   postgres/  server.pem, superuser, postgres-admin
#   grafana/   admin
#   ca/        the authority's key and certificate: for this script alone
#
# Every file is 0600 and owned by the user who reads it; that needs root, otherwise the caller owns them. A certificate
# is renewed when it has less than 60 days left.
set -euo pipefail
umask 077

readonly USERS=(issuance ledger matching redemption gateway views admin)
readonly BROKERS=(1 2 3)
readonly COUNTERFOIL=10001 KAFKA=1000 POSTGRES=999 GRAFANA=472 # user and group ids in the images
readonly AUTHORITY_DAYS=3650 SERVER_DAYS=730 RENEW_SECONDS=$((60 * 24 * 3600))

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
                'x509_extensions=use' '[name]' 'CN=Counterfoil authority' '[use]' 'subjectKeyIdentifier=hash' \
                'basicConstraints=critical,CA:TRUE,pathlen:0' 'keyUsage=critical,keyCertSign,cRLSign') 2>/dev/null
        mv -T ca/ca.pem.new ca/ca.pem # last: with it the authority is there
    fi
    if [[ ! -e ca/cluster ]]; then
        { echo "CLUSTER_ID=$(random_id)"; for n in "${BROKERS[@]}"; do echo "DIRECTORY_$n=$(random_id)"; done; } |
            put 0 ca/cluster
    fi
}

certify() { # OWNER FILE NAME ALTERNATIVES PURPOSES: a key, its certificate and the authority's, in one file
    local work
    if [[ -e $2 ]] && openssl verify -CAfile ca/ca.pem "$2" >/dev/null 2>&1 &&
        openssl x509 -in "$2" -noout -checkend "$RENEW_SECONDS" >/dev/null; then
        return
    fi
    work=$(mktemp -d)
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -keyout "$work/key" -out "$work/request" \
        -config <(printf '%s\n' '[req]' 'prompt=no' 'distinguished_name=name' '[name]' "CN=$3") 2>/dev/null
    openssl x509 -req -in "$work/request" -CA ca/ca.pem -CAkey ca/ca.key -set_serial "0x$(openssl rand -hex 16)" \
        -days "$SERVER_DAYS" -out "$work/certificate" -extfile <(printf '%s\n' \
            "subjectAltName=$4" 'basicConstraints=critical,CA:FALSE' \
            'keyUsage=critical,digitalSignature' "extendedKeyUsage=$5") 2>/dev/null
    cat "$work/key" "$work/certificate" ca/ca.pem | put "$1" "$2"
    rm -r "$work"
}

make_broker() { # N
    local name=kafka-$1
    folder "$KAFKA" "$name"
    put "$KAFKA" "$name/ca.pem" <ca/ca.pem
    put "$KAFKA" "$name/cluster" <ca/cluster
    put "$KAFKA" "$name/kafka-admin" <admin/kafka-admin
    certify "$KAFKA" "$name/keystore.pem" "$name" "DNS:$name,DNS:kafka,DNS:localhost" serverAuth,clientAuth
}

make_database() {
    folder "$POSTGRES" postgres
    make_password "$POSTGRES" postgres/superuser
    put "$POSTGRES" postgres/postgres-admin <admin/postgres-admin
    # For a server only, not for a client: the brokers trust the same authority.
    certify "$POSTGRES" postgres/server.pem postgres DNS:postgres serverAuth
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
        for server in kafka postgres; do
            put "$COUNTERFOIL" "$user/$server-ca.pem" <ca/ca.pem
            make_password "$COUNTERFOIL" "admin/$server-$user"
            if [[ $user != admin ]]; then put "$COUNTERFOIL" "$user/$server-$user" <"admin/$server-$user"; fi
        done
    done
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
make_database
for n in "${BROKERS[@]}"; do make_broker "$n"; done
