#!/bin/sh
# Run once, by the image's entry point, on an empty data folder: a role and a database a service,
# and neither can read the other's.
set -eu
psql --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
-- Read from the environment, so that no password stands in a command line.
\getenv mlflow_password MLFLOW_DB_PASSWORD
\getenv prefect_password PREFECT_DB_PASSWORD
CREATE ROLE mlflow LOGIN PASSWORD :'mlflow_password';
CREATE DATABASE mlflow OWNER mlflow;
REVOKE ALL ON DATABASE mlflow FROM PUBLIC;
CREATE ROLE prefect LOGIN PASSWORD :'prefect_password';
CREATE DATABASE prefect OWNER prefect;
REVOKE ALL ON DATABASE prefect FROM PUBLIC;
\connect prefect
-- Prefect's migrations use it, and only an administrator may install it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
SQL
