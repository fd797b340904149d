#!/bin/sh
cat <<'TEXT'
Builds Java applications from source with this machine's own JDK.
  Build:  mvn package for a pom.xml, gradle build for a build.gradle (wrapper first), else jars as they are
  Start:  the one jar, JAVA_APP_JAR, or JAVA_MAIN_CLASS with all jars; on $PORT (8080) for Spring Boot and Quarkus
Variables: MAVEN_ARGS, MAVEN_ARGS_APPEND, MAVEN_S2I_GOALS, MAVEN_MIRROR_URL, MAVEN_SETTINGS_XML, MAVEN_S2I_ARTIFACT_DIRS, ARTIFACT_DIR, MAVEN_CLEAR_REPO, GRADLE_ARGS, GRADLE_ARGS_APPEND,
  S2I_SOURCE_DEPLOYMENTS_FILTER, JAVA_APP_JAR, JAVA_MAIN_CLASS, JAVA_APP_DIR, JAVA_LIB_DIR, JAVA_CLASSPATH, JAVA_ARGS, JAVA_OPTS, JAVA_OPTS_APPEND, JAVA_MAX_MEM_RATIO, JAVA_DEBUG, JAVA_DEBUG_PORT, PORT, HOST
TEXT
