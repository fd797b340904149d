# The processes of this container, the sockets each holds, and what listens in it. Fields end with US, records begin with RS; arguments end with NUL as the kernel gives them.
filter=
[ -n "$HOSTNAME" ] && command -v tr >/dev/null && command -v grep >/dev/null && filter=yes
for d in /proc/[0-9]*; do
  p=${d#/proc/}
  [ "$p" = $$ ] && continue
  exe=$(readlink "$d/exe" 2>/dev/null) && [ -n "$exe" ] || continue
  # Where containers share the machine's processes, those of others are not ours.
  [ -z "$filter" ] || tr '\0' '\n' 2>/dev/null <"$d/environ" | grep -qxF "HOSTNAME=$HOSTNAME" || continue
  printf '\036%s\037%s\037%s\037%s\037' "$p" "$exe" "$(readlink "$d/cwd")" "$(ls -l "$d/fd" 2>/dev/null)"
  cat "$d/cmdline" 2>/dev/null
done
printf '\035'
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null
exit 0
