#!/bin/sh
# Run once, by the image's entry point, on an empty data folder: a role and a database a service,
# and neither can read the other's.
set -eu
MLFLOW_DB_PASSWORD=$(cat "$MLFLOW_DB_PASSWORD_FILE")
PREFECT_DB_PASSWORD=$(cat "$PREFECT_DB_PASSWORD_FILE")
OPTUNA_DB_PASSWORD=$(cat "$OPTUNA_DB_PASSWORD_FILE")
export MLFLOW_DB_PASSWORD PREFECT_DB_PASSWORD OPTUNA_DB_PASSWORD
psql --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
-- Read from the environment, so that no password stands in a command line.
\getenv mlflow_password MLFLOW_DB_PASSWORD
\getenv prefect_password PREFECT_DB_PASSWORD
\getenv optuna_password OPTUNA_DB_PASSWORD
CREATE ROLE mlflow LOGIN PASSWORD :'mlflow_password';
CREATE DATABASE mlflow OWNER mlflow;
REVOKE ALL ON DATABASE mlflow FROM PUBLIC;
-- Users, and what they may do.
CREATE DATABASE mlflow_auth OWNER mlflow;
REVOKE ALL ON DATABASE mlflow_auth FROM PUBLIC;
CREATE ROLE prefect LOGIN PASSWORD :'prefect_password';
CREATE DATABASE prefect OWNER prefect;
REVOKE ALL ON DATABASE prefect FROM PUBLIC;
CREATE ROLE optuna LOGIN PASSWORD :'optuna_password';
CREATE DATABASE optuna OWNER optuna;
REVOKE ALL ON DATABASE optuna FROM PUBLIC;
\connect prefect
-- Prefect's migrations use it, and only an administrator may install it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
SQL
