#!/bin/sh
# Entry point of our images: for each variable NAME_FILE that names a file of secrets, set NAME to
# what the file holds, then become the command. `docker inspect` thereby shows no secret.
set -eu
for name in $(env | sed -n 's,^\([A-Z0-9_]*\)_FILE=.*/run/secrets/.*,\1,p'); do
    eval "file=\$${name}_FILE"
    value=$(cat "$file")
    export "$name=$value"
    unset "${name}_FILE"
done
exec "$@"
