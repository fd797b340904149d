/**
 * The first process of a build's namespaces: makes the mounts, puts the root in place, says its pid, and waits until its standard input ends.
 * With it every process of the namespaces ends. Arguments: the new root, the folder for /tmp, and a file of tab-separated lines:
 *   bind PATH         of this machine, at the same path, with the mounts below it
 *   seal PATH OPTIONS makes a mount in the root read-only
 *   maybe PATH        a file of this machine, where the root has a place for it
 * The root is moved over `/`, which hides the old one for good; programs of the root need not include mount or umount.
 */
export const pauseScript = `
set -e
read -r pid rest < /proc/self/stat
root=$1 tmp=$2 plan=$3
mount -n --rbind "$root" "$root"
cd "$root"
tab=$(printf '\\t')
while IFS=$tab read -r what path options; do
  case $what in
    bind) mount -n --rbind "$path" ".$path";;
    seal) mount -n -o "remount,bind,$options" ".$path";;
    maybe) [ ! -f ".$path" ] || [ -L ".$path" ] || mount -n --bind "$path" ".$path";;
  esac
done < "$plan"
mount -n --bind "$tmp" ./tmp
mount -n -t proc -o nosuid,nodev,noexec proc ./proc 2>/dev/null || mount -n --rbind /proc ./proc
mount -n -t tmpfs -o mode=755,nosuid tmpfs ./dev
for name in null zero full random urandom tty; do
  [ -e "/dev/$name" ] || continue
  : > "./dev/$name"
  mount -n --bind "/dev/$name" "./dev/$name"
done
ln -s /proc/self/fd ./dev/fd
ln -s /proc/self/fd/0 ./dev/stdin
ln -s /proc/self/fd/1 ./dev/stdout
ln -s /proc/self/fd/2 ./dev/stderr
mkdir -m 1777 ./dev/shm
mount -n --move . /
echo "ready $pid"
while read -r line; do :; done
`;
