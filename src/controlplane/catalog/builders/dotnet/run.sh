#!/bin/sh
# Starts a .NET application; ASP.NET Core listens on $PORT (8080).
. "${0%/*}/common.sh"
. "$scripts/dotnet.sh"
export ASPNETCORE_HTTP_PORTS="${ASPNETCORE_HTTP_PORTS:-$PORT}" DOTNET_CLI_HOME="${TMPDIR:-/tmp}"
# Before .NET 8 the port alone was not read.
[ -n "$ASPNETCORE_URLS" ] || export ASPNETCORE_URLS="http://$HOST:$PORT"
cd "$app_root/app" || exit 1
exec dotnet "$(cat "$app_root/etc/dotnet-assembly")" "$@"
