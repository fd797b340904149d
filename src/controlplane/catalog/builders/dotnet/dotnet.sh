# Read by assemble and run: how dotnet behaves in a container.
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1 DOTNET_RUNNING_IN_CONTAINER=true DOTNET_USE_POLLING_FILE_WATCHER=true NUGET_XMLDOC_MODE=skip
if [ -z "$DOTNET_SYSTEM_GLOBALIZATION_INVARIANT" ] && [ -z "$(ls /usr/lib/*/libicuuc.so* /usr/lib/libicuuc.so* /usr/lib64/libicuuc.so* 2>/dev/null)" ]; then
  # Without ICU .NET does not even start.
  export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
fi
