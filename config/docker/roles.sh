#!/bin/sh
# Run once by the PostgreSQL image, in an empty cluster: the role that migrates and owns the
# database, and the role of the application, which owns nothing and may create nothing.
set -eu
owner_password=$(cat /run/secrets/owner_password)
app_password=$(cat /run/secrets/app_password)
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set owner_password="$owner_password" --set app_password="$app_password" <<'SQL'
CREATE ROLE jiebang_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE jiebang_app LOGIN PASSWORD :'app_password';
CREATE DATABASE jiebang OWNER jiebang_owner TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
REVOKE ALL ON DATABASE jiebang FROM PUBLIC;
GRANT CONNECT ON DATABASE jiebang TO jiebang_app;
SQL
