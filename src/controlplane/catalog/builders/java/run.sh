#!/bin/sh
# Starts a Java application: JAVA_MAIN_CLASS with all jars, else JAVA_APP_JAR, else the jar that the build made.
. "${0%/*}/common.sh"
folder=${JAVA_APP_DIR:-$app_root/deployments}
cd "$folder" || fail "JAVA_APP_DIR is $folder, and there is no such folder."
# What Spring Boot and Quarkus read the port from.
export SERVER_PORT="${SERVER_PORT:-$PORT}" QUARKUS_HTTP_PORT="${QUARKUS_HTTP_PORT:-$PORT}" QUARKUS_HTTP_HOST="${QUARKUS_HTTP_HOST:-$HOST}"
options=${JAVA_OPTS:-${JAVA_OPTIONS:--XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError}}
[ -z "$JAVA_MAX_MEM_RATIO" ] || options="$options -XX:MaxRAMPercentage=$JAVA_MAX_MEM_RATIO"
[ "$JAVA_DEBUG" != true ] || options="$options -agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=*:${JAVA_DEBUG_PORT:-5005}"
jar=${JAVA_APP_JAR:-$(cat "$app_root/etc/java-app-jar" 2>/dev/null)}
path=${JAVA_CLASSPATH:-.:$folder/*:${JAVA_LIB_DIR:-$folder/lib}/*:$folder/dependency/*}
if [ -n "$JAVA_MAIN_CLASS" ]; then
  say "Starting $JAVA_MAIN_CLASS ..."
  exec java $options $JAVA_OPTS_APPEND -cp "$path" "$JAVA_MAIN_CLASS" $JAVA_ARGS
fi
[ -f "$jar" ] || fail "there is no jar ${jar:-at all} in $folder. Set JAVA_APP_JAR or JAVA_MAIN_CLASS."
say "Starting $jar ..."
exec java $options $JAVA_OPTS_APPEND -jar "$jar" $JAVA_ARGS
