# Read by run: Apache httpd in front of php-fpm, both as this user.
max=${HTTPD_MAX_REQUEST_WORKERS:-250}
case $max in '' | *[!0-9]*) fail "HTTPD_MAX_REQUEST_WORKERS is a number of workers, not \"$max\"." ;; esac

cat > "$work/fpm.conf" <<FPM
[global]
daemonize = no
error_log = /dev/stderr
log_limit = 8192
[www]
listen = $work/fpm.sock
pm = dynamic
pm.max_children = ${PHP_FPM_MAX_CHILDREN:-50}
pm.start_servers = 2
pm.min_spare_servers = 1
pm.max_spare_servers = 8
catch_workers_output = yes
decorate_workers_output = no
clear_env = no
FPM
case ${PHP_CLEAR_ENV:-OFF} in ON | on | 1 | yes | true) sed -i 's/^clear_env = no/clear_env = yes/' "$work/fpm.conf" ;; esac

load() { [ ! -f "$modules/mod_$2.so" ] || echo "LoadModule $1 $modules/mod_$2.so"; }
mime=/etc/mime.types
[ -f "$mime" ] || mime=$scripts/mime.types
{
  # Those that are built in are no files.
  load mpm_event_module mpm_event
  [ -f "$modules/mod_mpm_event.so" ] || load mpm_prefork_module mpm_prefork
  load unixd_module unixd
  load authn_core_module authn_core
  load authz_core_module authz_core
  load authz_host_module authz_host
  load access_compat_module access_compat
  load log_config_module log_config
  load mime_module mime
  load dir_module dir
  load env_module env
  load setenvif_module setenvif
  load headers_module headers
  load expires_module expires
  load deflate_module deflate
  load filter_module filter
  load alias_module alias
  load rewrite_module rewrite
  load negotiation_module negotiation
  load autoindex_module autoindex
  load proxy_module proxy
  load proxy_fcgi_module proxy_fcgi
  cat <<HTTPD
ServerRoot "$work"
ServerName localhost
Listen $HOST:$PORT
PidFile "$work/httpd.pid"
DefaultRuntimeDir "$work"
Mutex file:$work
ErrorLog /dev/stderr
LogLevel warn
LogFormat "%h %l %u %t \"%r\" %>s %b" common
CustomLog /dev/stdout common
TypesConfig $mime
ServerTokens Prod
ServerSignature Off
KeepAlive On
MaxKeepAliveRequests ${HTTPD_MAX_KEEPALIVE_REQUESTS:-100}
StartServers 2
MaxRequestWorkers $max
MaxConnectionsPerChild ${HTTPD_MAX_REQUESTS_PER_CHILD:-4000}
GracefulShutdownTimeout 5
DocumentRoot "$root"
DirectoryIndex index.php index.html
<Directory />
  AllowOverride None
  Require all denied
</Directory>
<Directory "$root">
  Options FollowSymLinks
  AllowOverride All
  Require all granted
</Directory>
<FilesMatch "^\.(ht|git|env|s2i)">
  Require all denied
</FilesMatch>
<FilesMatch "\.php$">
  SetHandler "proxy:unix:$work/fpm.sock|fcgi://localhost/"
</FilesMatch>
SetEnvIf Authorization "(.+)" HTTP_AUTHORIZATION=\$1
SetEnvIf X-Forwarded-Proto "^https$" HTTPS=on
HTTPD
  for file in "$app_root"/src/httpd-cfg/*.conf; do [ ! -f "$file" ] || echo "IncludeOptional \"$file\""; done
} > "$work/httpd.conf"

say "Serving ${DOCUMENTROOT:-/} with Apache httpd and php-fpm ..."
"$scripts/bin/php-fpm" --nodaemonize --fpm-config "$work/fpm.conf" &
fpm=$!
# Who listens is taken to be ready: httpd begins when there is somebody behind it.
tries=0
until [ -S "$work/fpm.sock" ] || [ $tries -ge 100 ] || ! kill -0 $fpm 2>/dev/null; do
  tries=$((tries + 1))
  sleep 0.05
done
"$scripts/bin/httpd" -f "$work/httpd.conf" -D FOREGROUND &
httpd=$!
# The end of either is the end of both.
trap 'kill -WINCH $httpd 2>/dev/null; kill -QUIT $fpm 2>/dev/null' TERM INT
while kill -0 $fpm 2>/dev/null && kill -0 $httpd 2>/dev/null; do
  sleep 1 &
  wait $! 2>/dev/null
done
kill -TERM $httpd $fpm 2>/dev/null
wait $httpd
code=$?
wait $fpm
rm -rf "$work"
exit $code
