#!/bin/sh
cat <<'TEXT'
Builds Node.js applications from source with this machine's own Node.js.
  Build:  npm ci (npm install without a lock file), npm run build if there is one, npm prune
  Start:  the start script of package.json, else server.js, on $PORT (8080)
Variables: NODE_ENV, DEV_MODE, DEBUG_PORT, NPM_RUN, NODE_CMD, INIT_WRAPPER, NPM_BUILD, NPM_MIRROR, NPM_TOKEN, HTTP_PROXY, HTTPS_PROXY, PORT, HOST
TEXT
