#!/bin/sh
# Builds a .NET application with dotnet publish, or takes one that was published before.
#   DOTNET_STARTUP_PROJECT     project file, or folder with one; default .
#   DOTNET_STARTUP_ASSEMBLY    the .dll to start, of an application that the source holds ready
#   DOTNET_ASSEMBLY_NAME       name of the .dll, if not the project's
#   DOTNET_CONFIGURATION       default Release
#   DOTNET_RESTORE_SOURCES, DOTNET_RESTORE_CONFIGFILE, DOTNET_RESTORE_DISABLE_PARALLEL   where packages come from
#   DOTNET_TOOLS, DOTNET_TEST_PROJECTS, DOTNET_PUBLISH_READYTORUN, DOTNET_VERBOSITY, DOTNET_INFO, DOTNET_PACK, DOTNET_RM_SRC
set -e
. "${0%/*}/common.sh"
. "$scripts/dotnet.sh"
export NUGET_PACKAGES="$cache/nuget" NUGET_HTTP_CACHE_PATH="$cache/nuget-http" DOTNET_CLI_HOME="$scratch/dotnet" MSBUILDDISABLENODEREUSE=1
PATH="$PATH:$DOTNET_CLI_HOME/.dotnet/tools"
app=$app_root/app
verbosity=${DOTNET_VERBOSITY:+-v $DOTNET_VERBOSITY}

take_source
rm -rf "$app"
mkdir -p "$app"
[ -z "$DOTNET_INFO$DOTNET_VERBOSITY" ] || dotnet --info

projects_in() {
  if [ -f "$1" ]; then echo "$1"; else find "$1" -maxdepth 1 -name '*.??proj' 2>/dev/null; fi
}

[ -z "$DOTNET_STARTUP_PROJECT" ] || [ -z "$DOTNET_STARTUP_ASSEMBLY" ] || fail "DOTNET_STARTUP_PROJECT and DOTNET_STARTUP_ASSEMBLY are both set: the first is for sources, the second for an application that is ready."
projects=
if [ -n "$DOTNET_STARTUP_ASSEMBLY" ]; then
  [ -f "$DOTNET_STARTUP_ASSEMBLY" ] || fail "DOTNET_STARTUP_ASSEMBLY is $DOTNET_STARTUP_ASSEMBLY, and the source has no such file."
else
  projects=$(projects_in "${DOTNET_STARTUP_PROJECT:-.}")
  if [ -z "$projects" ] && [ -z "$DOTNET_STARTUP_PROJECT" ]; then
    ready=$(find . -maxdepth 1 -name '*.runtimeconfig.json')
    case $(echo "$ready" | grep -c .) in
      0) ;;
      1) DOTNET_STARTUP_ASSEMBLY=${ready%.runtimeconfig.json}.dll ;;
      *) fail "the source holds several applications: $(echo $ready). Set DOTNET_STARTUP_ASSEMBLY to the .dll that is started." ;;
    esac
  fi
fi

if [ -n "$DOTNET_STARTUP_ASSEMBLY" ]; then
  dll=${DOTNET_STARTUP_ASSEMBLY#./}
  say "Taking the application as it is: $dll"
  cp -RPf ./. "$app/"
else
  case $(echo "$projects" | grep -c .) in
    1) ;;
    *)
      all=$(find . -name '*.??proj' | sed 's#^\./##' | sort)
      [ -n "$all" ] || fail "the source has no project file (*.csproj, *.fsproj, *.vbproj). If it lies in a folder of the repository, name that folder as context directory."
      fail "${DOTNET_STARTUP_PROJECT:-the top folder} holds no single project file. Set DOTNET_STARTUP_PROJECT to the one that is started: $(echo $all)." ;;
  esac
  name=${projects##*/}
  dll=${DOTNET_ASSEMBLY_NAME:-${name%.??proj}}.dll
  sdk=$(dotnet --version) || fail "dotnet finds no SDK for this source: global.json asks for one that is not on this machine ($(dotnet --list-sdks | sed 's/ .*//' | tr '\n' ' ')). Change its version or its rollForward."
  say "Using SDK $sdk"
  [ -z "$DOTNET_RESTORE_CONFIGFILE" ] || [ -z "$DOTNET_RESTORE_SOURCES" ] || fail "DOTNET_RESTORE_CONFIGFILE and DOTNET_RESTORE_SOURCES exclude each other: put the sources into the file."
  [ -z "$DOTNET_RESTORE_CONFIGFILE" ] || [ -f "$DOTNET_RESTORE_CONFIGFILE" ] || fail "DOTNET_RESTORE_CONFIGFILE is $DOTNET_RESTORE_CONFIGFILE, and the source has no such file."
  restore=${DOTNET_RESTORE_CONFIGFILE:+--configfile $DOTNET_RESTORE_CONFIGFILE}
  for one in $DOTNET_RESTORE_SOURCES; do restore="$restore --source $one"; done
  [ "$DOTNET_RESTORE_DISABLE_PARALLEL" != true ] || restore="$restore --disable-parallel"
  for tool in $DOTNET_TOOLS; do
    case $tool in *@*) dotnet tool install --global $verbosity --version "${tool#*@}" "${tool%@*}" ;; *) dotnet tool install --global $verbosity "$tool" ;; esac
  done
  for test in $DOTNET_TEST_PROJECTS; do
    say "Running tests: $test ..."
    dotnet restore "$test" $restore $verbosity
    dotnet test "$test" -c "${DOTNET_TEST_CONFIGURATION:-Debug}" $verbosity --no-restore
  done
  publish="--no-self-contained --no-restore"
  if [ "$DOTNET_PUBLISH_READYTORUN" = true ]; then
    case $(uname -m) in x86_64) rid=linux-x64 ;; aarch64) rid=linux-arm64 ;; *) rid= ;; esac
    if [ -n "$rid" ]; then
      restore="$restore -r $rid /p:PublishReadyToRun=true"
      publish="$publish -r $rid /p:PublishReadyToRun=true"
    else
      warn "DOTNET_PUBLISH_READYTORUN is not supported on $(uname -m)."
    fi
  fi
  say "Restoring packages: dotnet restore ..."
  dotnet restore "$projects" $restore $verbosity || fail "dotnet restore failed. If a package could not be fetched, check the network, or name sources with DOTNET_RESTORE_SOURCES; if the project asks for a newer .NET than this machine's SDK ($sdk), install that."
  say "Publishing: dotnet publish ..."
  dotnet publish "$projects" -c "${DOTNET_CONFIGURATION:-Release}" $verbosity $publish -o "$app" || fail "dotnet publish failed; the lines above tell why."
fi
[ -f "$app/$dll" ] || fail "the build made no $dll. If the project names its assembly otherwise, set DOTNET_ASSEMBLY_NAME."
printf '%s' "$dll" > "$app_root/etc/dotnet-assembly"
if [ "$DOTNET_PACK" = true ]; then
  say "Packing application ..."
  tar -czf "$app_root/app.tar.gz" -C "$app" .
fi
find "$app_root/src" -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} + 2>/dev/null || true
[ "$DOTNET_RM_SRC" != true ] || { cd "$app_root" && rm -rf "$app_root/src" && mkdir -p "$app_root/src"; }
say "Build completed."
