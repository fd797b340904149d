#!/bin/sh
cat <<'TEXT'
Serves a folder of static files.
  Start:  public, dist, build, _site or the source itself, whichever holds index.html; on $PORT (8080)
Variables: STATIC_ROOT, STATIC_FALLBACK (a page for unknown paths, e.g. index.html of a single-page application), PORT, HOST
TEXT
