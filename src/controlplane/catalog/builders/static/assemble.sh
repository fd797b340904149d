#!/bin/sh
# Takes a folder of files to be served as it is.
#   STATIC_ROOT     folder with the site; default: the first of public, dist, build, _site, . that holds an index.html
set -e
app_root=${APP_ROOT:-/opt/app-root}
source=${S2I_SOURCE:-/tmp/src}
echo "---> Installing site ..."
mkdir -p "$app_root/src" "$app_root/etc"
cp -Rf "$source/." "$app_root/src/"
cd "$app_root/src"
root=$STATIC_ROOT
if [ -z "$root" ]; then
  for folder in public dist build _site .; do
    if [ -f "$folder/index.html" ] || [ -f "$folder/index.htm" ]; then root=$folder && break; fi
  done
fi
if [ -z "$root" ] || [ ! -d "$root" ]; then
  echo "error: no folder with an index.html was found (public, dist, build, _site, or the source itself). Set STATIC_ROOT to the folder that holds the site." >&2
  exit 1
fi
echo "---> Serving from $root"
printf '%s' "$root" > "$app_root/etc/static-root"
chmod -R g=u "$app_root/src" 2>/dev/null || true
echo "---> Build completed."
