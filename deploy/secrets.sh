#!/bin/sh
# Make the secrets of a hub: passwords, the vault's key, the addresses with passwords in them, and certificates.
#
#   deploy/secrets.sh FOLDER [PUBLIC_HOST]
#
# It needs openssl, changes nothing outside FOLDER, and refuses a folder that exists. NATS_HOST and POSTGRES_HOST are the
# names by which the hub reaches its servers. Nobody but the owner can enter the folder. The files in it can be read by
# all users, because a container with a file of it mounted runs as another user.
set -eu

folder=${1:?"say where to: deploy/secrets.sh FOLDER [PUBLIC_HOST]"}
public_host=${2:-localhost}
nats_host=${NATS_HOST:-nats}
postgres_host=${POSTGRES_HOST:-postgres}
days=825

umask 077
mkdir "$folder"
cd "$folder"

random() { openssl rand -hex 24; }
owner=$(random) services=$(random) hub=$(random) copier=$(random) subscriber=$(random) sandbox=$(random)
consumer="subscribers-copy-$(openssl rand -hex 16)"

# The vault's key is 32 bytes. Back it up apart from the database: without it the stored credentials are lost.
openssl rand -base64 32 > secret-key

random > postgres-password
printf '%s\n' "$owner" > owner-password
printf '%s\n' "$services" > services-password
printf 'postgresql://extrato:%s@%s:5432/extrato\n' "$owner" "$postgres_host" > migration-database-url
printf 'postgresql://extrato_services:%s@%s:5432/extrato\n' "$services" "$postgres_host" > database-url

printf 'tls://extrato:%s@%s:4222\n' "$hub" "$nats_host" > nats-url
printf 'tls://copier:%s@%s:4222\n' "$copier" "$nats_host" > copies-nats-url
printf '%s\n' "$consumer" > copies-consumer
printf 'tls://subscriber:%s@%s:4222\n' "$subscriber" "$nats_host" > subscriber-nats-url
# The server also takes a bcrypt hash ($2a$…) in place of a password.
cat > nats-secrets.conf <<EOF
OPERATOR_PASSWORD: "$(random)"
HUB_PASSWORD: "$hub"
COPIER_PASSWORD: "$copier"
SUBSCRIBER_PASSWORD: "$subscriber"
DELIVERY_RESET_PAYMENTS: "\$JS.API.CONSUMER.RESET.PAYMENTS.$consumer"
DELIVERY_RESET_CHECKS: "\$JS.API.CONSUMER.RESET.CHECKS.$consumer"
DELIVERY_ASK_RESET_PAYMENTS: "origin.API.CONSUMER.RESET.PAYMENTS.$consumer"
DELIVERY_ASK_RESET_CHECKS: "origin.API.CONSUMER.RESET.CHECKS.$consumer"
DELIVERY_FC_PAYMENTS_ALL: "\$JS.FC.PAYMENTS.$consumer.>"
DELIVERY_FC_CHECKS_ALL: "\$JS.FC.CHECKS.$consumer.>"
DELIVERY_FC_ALL: "\$JS.FC.*.$consumer.>"
DELIVERY_CREATE: "\$JS.API.CONSUMER.CREATE.*.$consumer"
DELIVERY_CREATE_ALL: "\$JS.API.CONSUMER.CREATE.*.$consumer.>"
DELIVERY_DURABLE_CREATE: "\$JS.API.CONSUMER.DURABLE.CREATE.*.$consumer"
DELIVERY_INFO: "\$JS.API.CONSUMER.INFO.*.$consumer"
DELIVERY_MSG_NEXT: "\$JS.API.CONSUMER.MSG.NEXT.*.$consumer"
DELIVERY_DELETE: "\$JS.API.CONSUMER.DELETE.*.$consumer"
EOF

printf '%s\n' "$sandbox" > sandbox-demo-secret
printf 'EXTRATO_SANDBOX_DEMO_SECRET=%s\n' "$sandbox" > sandbox.env

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
certificate() { # NAME HOST: a certificate of our own authority
    new_key "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
    printf 'subjectAltName=DNS:%s,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' "$2" > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days "$days" -sha256 -extfile "$1.ext" \
        -out "$1.crt" 2>/dev/null
    rm "$1.csr" "$1.ext"
}
new_key ca.key
openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj "/CN=extrato" -out ca.crt
certificate nats "$nats_host"
# For a trial. Payers' browsers trust only the certificate of a public authority: put it in place of these two files.
certificate proxy "$public_host"

chmod 644 ./*
chmod 600 ca.key
