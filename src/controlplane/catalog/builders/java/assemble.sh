#!/bin/sh
# Builds a Java application with Maven or Gradle, or takes jars as they are, and puts what runs into deployments.
#   MAVEN_ARGS                 arguments of mvn in place of: -e -Popenshift -DskipTests package; MAVEN_ARGS_APPEND: more of them
#   MAVEN_S2I_GOALS            goals in place of: package
#   MAVEN_MIRROR_URL           repository in place of Maven Central
#   MAVEN_SETTINGS_XML         settings file, relative to the source; default configuration/settings.xml
#   MAVEN_S2I_ARTIFACT_DIRS    folders with the result, by commas; default target. ARTIFACT_DIR: the same for one
#   GRADLE_ARGS                arguments of gradle in place of: build -x test; GRADLE_ARGS_APPEND: more of them
#   S2I_SOURCE_DEPLOYMENTS_FILTER   files that are taken; default *.jar
#   JAVA_APP_JAR, JAVA_MAIN_CLASS   what is started
set -e
. "${0%/*}/common.sh"
deployments=$app_root/deployments
filter=${S2I_SOURCE_DEPLOYMENTS_FILTER:-*.jar}
java_version=$(java -version 2>&1 | sed -n 's/.*version "\([^"]*\)".*/\1/p')

take_source
rm -rf "$deployments"
mkdir -p "$deployments"
dirs=$(echo "${MAVEN_S2I_ARTIFACT_DIRS:-$ARTIFACT_DIR}" | tr , ' ')

# Programs of a JVM know nothing of the proxy variables that others read: proxy_host (empty without one), proxy_port, proxy_around.
find_proxy() {
  proxy=${HTTPS_PROXY:-${https_proxy:-${HTTP_PROXY:-$http_proxy}}}
  at=${proxy#*://}
  at=${at#*@}
  at=${at%/}
  proxy_host=${at%:*}
  proxy_port=${at##*:}
  proxy_around=$(echo "${NO_PROXY:-${no_proxy:-localhost}}" | tr , '|')
}

maven() {
  if has mvn; then
    mvn=mvn
  elif [ -f mvnw ]; then
    chmod +x mvnw
    mvn=./mvnw
    export MAVEN_USER_HOME="$cache/maven-wrapper"
  else
    fail "pom.xml asks for Maven, which is not on this machine. Install it (Debian, Ubuntu: sudo apt-get install -y maven), or add Maven's wrapper (mvnw) to the source."
  fi
  settings=${MAVEN_SETTINGS_XML:-configuration/settings.xml}
  if [ ! -f "$settings" ]; then
    settings=
    [ -z "$MAVEN_SETTINGS_XML" ] || fail "MAVEN_SETTINGS_XML is $MAVEN_SETTINGS_XML, and the source has no such file."
  fi
  if [ -n "$MAVEN_MIRROR_URL" ] && [ -z "$settings" ]; then
    say "Using Maven repository $(shown "$MAVEN_MIRROR_URL")"
    settings=$scratch/settings.xml
    # Settings of this file alone: an http address that the machine's own settings would block is what was asked for.
    printf '<settings><mirrors><mirror><id>slipway</id><url>%s</url><mirrorOf>external:*,!maven-default-http-blocker</mirrorOf><blocked>false</blocked></mirror></mirrors></settings>\n' "$(echo "$MAVEN_MIRROR_URL" | sed 's/&/\&amp;/g; s/</\&lt;/g')" > "$settings"
  fi
  set -- --batch-mode -Dmaven.repo.local="$cache/maven" ${settings:+--settings "$settings"}
  find_proxy
  if [ -n "$proxy_host" ]; then for scheme in http https; do set -- "$@" "-D$scheme.proxyHost=$proxy_host" "-D$scheme.proxyPort=$proxy_port" "-Dhttp.nonProxyHosts=$proxy_around"; done; fi
  goals=${MAVEN_ARGS:--e -Popenshift -DskipTests ${MAVEN_S2I_GOALS:-package}}
  say "Building: mvn $goals $MAVEN_ARGS_APPEND (Java $java_version) ..."
  "$mvn" "$@" $goals $MAVEN_ARGS_APPEND || fail "Maven failed. If it says \"release version … not supported\" or \"invalid target release\", pom.xml asks for a newer Java than this machine's ($java_version): install it, or lower maven.compiler.release. If an artifact could not be fetched, check the network or set MAVEN_MIRROR_URL."
  [ "$MAVEN_CLEAR_REPO" != true ] || rm -rf "$cache/maven"
}

gradle_build() {
  export GRADLE_USER_HOME="$cache/gradle"
  set -- --no-daemon --console=plain
  find_proxy
  if [ -n "$proxy_host" ]; then for scheme in http https; do set -- "$@" "-D$scheme.proxyHost=$proxy_host" "-D$scheme.proxyPort=$proxy_port" "-Dhttp.nonProxyHosts=$proxy_around"; done; fi
  if [ -f gradlew ]; then
    chmod +x gradlew
    gradle=./gradlew
  elif has gradle; then
    gradle=gradle
  else
    fail "the source has no Gradle wrapper (gradlew) and Gradle is not on this machine. Run \"gradle wrapper\" in the source and commit what it makes."
  fi
  goals=${GRADLE_ARGS:-build -x test}
  say "Building: $gradle $goals $GRADLE_ARGS_APPEND (Java $java_version) ..."
  "$gradle" "$@" $goals $GRADLE_ARGS_APPEND || fail "Gradle failed. If it says \"Unsupported class file major version\", this Gradle does not know Java $java_version: raise its version in gradle/wrapper/gradle-wrapper.properties. If something could not be fetched, check the network."
}

if [ -f pom.xml ]; then
  maven
  dirs=${dirs:-target}
elif [ -f build.gradle ] || [ -f build.gradle.kts ] || [ -f settings.gradle ] || [ -f settings.gradle.kts ]; then
  gradle_build
  dirs=${dirs:-build/libs}
elif ls $filter >/dev/null 2>&1 || ls deployments/$filter >/dev/null 2>&1; then
  say "Taking jars as they are"
  [ -n "$dirs" ] || { if [ -d deployments ]; then dirs=deployments; else dirs=.; fi; }
else
  fail "there is no pom.xml, no build.gradle and no jar. If the application lies in a folder of the repository, name that folder as context directory."
fi

for dir in $dirs; do
  [ -d "$dir" ] || fail "the build made no folder $dir. In a project of several modules name the one with the application: MAVEN_S2I_ARTIFACT_DIRS=web/target (or ARTIFACT_DIR)."
  if [ -f "$dir/quarkus-app/quarkus-run.jar" ]; then
    cp -RPf "$dir/quarkus-app/." "$deployments/"
    : "${JAVA_APP_JAR:=quarkus-run.jar}"
    continue
  fi
  for file in "$dir"/$filter; do
    case ${file##*/} in *-sources.jar | *-javadoc.jar | *-tests.jar | *-plain.jar | original-*) continue ;; esac
    [ ! -f "$file" ] || cp -Pf "$file" "$deployments/"
  done
  for lib in lib dependency; do [ "$dir" = . ] || [ ! -d "$dir/$lib" ] || cp -RPf "$dir/$lib" "$deployments/"; done
done

cd "$deployments"
found=$(ls ./*.jar 2>/dev/null | sed 's#^\./##' || true)
if [ -n "$JAVA_APP_JAR" ]; then
  [ -f "$JAVA_APP_JAR" ] || fail "JAVA_APP_JAR is $JAVA_APP_JAR; the build made: $(echo ${found:-no jar}). "
elif [ -n "$JAVA_MAIN_CLASS" ]; then
  [ -n "$found" ] || fail "the build made no jar in $dirs."
else
  case $(echo "$found" | grep -c .) in
    0) fail "the build made no jar in $dirs. If pom.xml says <packaging>war</packaging> or pom, an application server or another module is meant: choose another builder, or set MAVEN_S2I_ARTIFACT_DIRS." ;;
    1) JAVA_APP_JAR=$found ;;
    *) fail "the build made several jars: $(echo $found). Set JAVA_APP_JAR to the one that is started, or JAVA_MAIN_CLASS to start a class with all of them." ;;
  esac
  mkdir -p "$scratch/manifest"
  (cd "$scratch/manifest" && jar xf "$deployments/$JAVA_APP_JAR" META-INF/MANIFEST.MF) 2>/dev/null || true
  grep -q '^Main-Class:' "$scratch/manifest/META-INF/MANIFEST.MF" 2>/dev/null || fail "$JAVA_APP_JAR does not say which class to start. Set JAVA_MAIN_CLASS, or let maven-jar-plugin write Main-Class into its manifest (Spring Boot: add spring-boot-maven-plugin)."
fi
[ -z "$JAVA_APP_JAR" ] || printf '%s' "$JAVA_APP_JAR" > "$app_root/etc/java-app-jar"
# What is compiled is all that runs.
cd "$app_root" && rm -rf "$app_root/src/target" "$app_root/src/build/libs"
say "Build completed."
