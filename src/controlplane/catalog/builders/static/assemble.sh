#!/bin/sh
# Takes a folder of files to be served as it is.
#   STATIC_ROOT     folder with the site; default: the first of public, dist, build, _site, . that holds an index.html
set -e
. "${0%/*}/common.sh"

take_source
root=$STATIC_ROOT
if [ -z "$root" ]; then
  for folder in public dist build _site .; do
    if [ -f "$folder/index.html" ] || [ -f "$folder/index.htm" ]; then root=$folder && break; fi
  done
fi
if [ -z "$root" ] || [ ! -d "$root" ]; then
  fail "no folder with an index.html was found (public, dist, build, _site, or the source itself). Set STATIC_ROOT to the folder that holds the site."
fi
say "Serving from $root"
printf '%s' "$root" > "$app_root/etc/static-root"
say "Build completed."
