#!/bin/sh
# Maven's and Gradle's repositories never come into the image; they are kept in the cache of the project's builds.
. "${0%/*}/common.sh"
save
