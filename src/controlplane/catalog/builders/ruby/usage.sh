#!/bin/sh
cat <<'TEXT'
Builds Ruby applications from source with this machine's own Ruby.
  Build:  bundle install (as the lock file says, if there is one), rake assets:precompile in production
  Start:  config.ru with puma, else rackup, on $PORT (8080)
Variables: RACK_ENV, RAILS_ENV, RUBYGEM_MIRROR, DISABLE_ASSET_COMPILATION, PUMA_MIN_THREADS, PUMA_MAX_THREADS, PUMA_WORKERS, PORT, HOST
TEXT
