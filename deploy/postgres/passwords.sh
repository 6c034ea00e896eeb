#!/bin/sh
# Run once by the image of PostgreSQL, behind roles.sql: each role's password is the content of a secret.
set -eu
for role in app_owner app_web app_worker app_backup; do
    psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" \
        --set=role="$role" --set=password="$(cat "/run/secrets/${role}_password")" <<'SQL'
ALTER ROLE :"role" PASSWORD :'password';
SQL
done
