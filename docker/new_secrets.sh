#!/bin/sh
# Make docker/secrets/, one file a secret of compose.yaml; those that are there stay as they are.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
# The folder keeps this machine's other users out; inside a container each service, whatever its
# user, can read the files that compose.yaml gives it.
chmod 700 secrets
for name in postgres_password mlflow_db_password prefect_db_password optuna_db_password \
    mlflow_flask_key mlflow_admin_password mlflow_pipeline_password mlflow_viewer_password prefect_auth \
    storage_data_password storage_models_password; do
    file=secrets/$name
    [ ! -s "$file" ] || continue
    # Letters and digits only: some become parts of addresses.
    secret=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
    [ "$name" != prefect_auth ] || secret=aislewatch:$secret
    printf %s "$secret" >"$file.new"
    chmod 644 "$file.new"
    mv "$file.new" "$file"
done
