#!/bin/sh
# Makes the secrets that docker-compose.yml names, each once: what is there stays. `deploy/secrets.sh [FOLDER]`, deploy/secrets if none
# is given. The folder is closed to everybody else; the files in it can be read by the users inside the containers, who are not you.
set -eu
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

write() { # NAME: what comes in, where there is no such file
    if [ -e "$1" ]; then cat >/dev/null; else cat >"$1"; chmod 644 "$1"; fi
}

random | write postgres_password
random | write grafana_password
random | write ray_token
random | write s3_key
printf murascope | write s3_name
printf 'postgresql+psycopg://murascope:%s@postgres/murascope\n' "$(cat postgres_password)" | write database
printf 'postgresql://murascope:%s@postgres/mlflow\n' "$(cat postgres_password)" | write mlflow_database
printf '[default]\naws_access_key_id = murascope\naws_secret_access_key = %s\n' "$(cat s3_key)" | write s3_credentials
printf '{"identities": [{"name": "murascope", "credentials": [{"accessKey": "murascope", "secretKey": "%s"}], "actions": ["Admin"]}]}\n' \
    "$(cat s3_key)" | write s3_identities.json
