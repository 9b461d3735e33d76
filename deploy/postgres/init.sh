#!/bin/sh
# Runs roles.sql in the image of PostgreSQL, at its first start (/docker-entrypoint-initdb.d/).
set -eu
OWNER_PASSWORD=$(cat /run/secrets/owner-password) SERVICES_PASSWORD=$(cat /run/secrets/services-password) \
    psql --no-psqlrc --username "$POSTGRES_USER" --dbname postgres --file /etc/extrato/roles.sql
