#!/bin/sh
# Starts a Perl application on $PORT (8080): PSGI with starman or plackup, else with the builder's own small server, which also runs scripts as CGI.
#   PSGI_RELOAD      not empty: plackup starts anew when files change
#   PSGI_URI_PATH    path the application is found at; default /
. "${0%/*}/common.sh"
cd "$app_root/src" || exit 1
export PERL5LIB="$app_root/src/extlib/lib/perl5${PERL5LIB:+:$PERL5LIB}" PATH="$PATH:$app_root/src/extlib/bin" PLACK_ENV="${PLACK_ENV:-deployment}"
psgi=${PSGI_FILE-$(cat "$app_root/etc/psgi" 2>/dev/null)}
if [ -n "$psgi" ] && has plackup; then
  at=${PSGI_URI_PATH:-/}
  set -- --host "$HOST" --port "$PORT" --path "$at" --app "$psgi"
  if [ -n "$PSGI_RELOAD" ]; then
    say "Serving $psgi with plackup, which starts anew when files change ..."
    exec plackup --reload "$@"
  fi
  if has starman; then
    say "Serving $psgi with starman ..."
    exec plackup --server Starman --workers "${HTTPD_START_SERVERS:-8}" "$@"
  fi
  say "Serving $psgi with plackup ..."
  exec plackup "$@"
fi
[ -z "$psgi" ] || say "Neither plackup nor starman is here: add Plack to the cpanfile for more than small loads."
exec perl "$scripts/server.pl" "$app_root/src" ${psgi:+"$psgi"}
