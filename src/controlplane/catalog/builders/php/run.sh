#!/bin/sh
# Serves a PHP application on $PORT (8080): Apache httpd with php-fpm where the machine has both, else PHP's own server.
. "${0%/*}/common.sh"
cd "$app_root/src" || exit 1
# All that is written lies here: the pod's /tmp is its own.
work=$(mktemp -d "${TMPDIR:-/tmp}/php.XXXXXX") || exit 1
# Where the application's folder is deep a socket in it could have no name.
if [ "${#work}" -gt 90 ]; then
  rmdir "$work"
  work=$(mktemp -d /tmp/php.XXXXXX) || exit 1
fi
root=$app_root/src/${DOCUMENTROOT#/}
root=${root%/}
mkdir -p "$work/conf.d" "${SESSION_PATH:-/tmp/sessions}"

cat > "$work/conf.d/50-application.ini" <<INI
error_reporting = ${ERROR_REPORTING:-E_ALL & ~E_NOTICE}
display_errors = ${DISPLAY_ERRORS:-ON}
display_startup_errors = ${DISPLAY_STARTUP_ERRORS:-OFF}
html_errors = ${HTML_ERRORS:-ON}
log_errors = ON
error_log = /dev/stderr
include_path = "${INCLUDE_PATH:-.:$app_root/src:/usr/share/pear:/usr/share/php}"
memory_limit = ${PHP_MEMORY_LIMIT:-128M}
short_open_tag = ${SHORT_OPEN_TAG:-OFF}
variables_order = "EGPCS"
expose_php = OFF
session.name = ${SESSION_NAME:-PHPSESSID}
session.save_handler = ${SESSION_HANDLER:-files}
session.save_path = "${SESSION_PATH:-/tmp/sessions}"
session.cookie_domain = ${SESSION_COOKIE_DOMAIN:-}
session.cookie_httponly = ${SESSION_COOKIE_HTTPONLY:-0}
session.cookie_secure = ${SESSION_COOKIE_SECURE:-0}
opcache.memory_consumption = ${OPCACHE_MEMORY_CONSUMPTION:-128}
opcache.revalidate_freq = ${OPCACHE_REVALIDATE_FREQ:-2}
opcache.max_accelerated_files = ${OPCACHE_MAX_FILES:-4000}
INI
# The machine's own folder of settings comes first, which load the extensions.
export PHP_INI_SCAN_DIR="${PHP_INI_SCAN_DIR:-}:$work/conf.d"

for script in php-pre-start/*.sh; do
  [ ! -f "$script" ] || . "./$script"
done

modules=
for folder in /usr/lib/apache2/modules /usr/lib64/httpd/modules /usr/lib/httpd/modules /usr/libexec/apache2; do
  [ ! -f "$folder/mod_proxy_fcgi.so" ] || modules=$folder
done
why=
if [ -n "$PHP_BUILTIN_SERVER" ]; then
  why="as PHP_BUILTIN_SERVER asks"
elif [ ! -x "$scripts/bin/php-fpm" ] || [ ! -x "$scripts/bin/httpd" ] || [ -z "$modules" ]; then
  why="since this machine has not both httpd and php-fpm"
elif [ "$(id -u)" = 0 ]; then
  why="since httpd and php-fpm are not run as root"
fi
[ -n "$why" ] || . "$scripts/httpd.sh"
say "Serving with PHP's own development server, $why. It knows no .htaccess and is not meant for production."
# Several requests at a time, as an application that calls itself needs.
export PHP_CLI_SERVER_WORKERS="${PHP_CLI_SERVER_WORKERS:-4}"
exec php -S "$HOST:$PORT" -t "$root" "$scripts/router.php"
