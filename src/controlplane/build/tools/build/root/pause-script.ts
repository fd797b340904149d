/** Fills an empty `./dev` by the table `$devices`. Terminals are new ones, where they can be had: apt logs through one. */
export const fillDev = `for name in null zero full random urandom tty; do : > "./dev/$name"; done
mount -n --all --fstab "$devices" 2>/dev/null || :
mkdir ./dev/pts
mount -n -t devpts -o newinstance,mode=620,ptmxmode=666,nosuid,noexec devpts ./dev/pts 2>/dev/null && ln -s pts/ptmx ./dev/ptmx || :
ln -s /proc/self/fd ./dev/fd
ln -s /proc/self/fd/0 ./dev/stdin
ln -s /proc/self/fd/1 ./dev/stdout
ln -s /proc/self/fd/2 ./dev/stderr
mkdir -m 1777 ./dev/shm`;

/**
 * The first process of a build's namespaces: makes the mounts, puts the root in place, says its pid, and waits until its standard input ends.
 * With it every process of the namespaces ends. Arguments: the new root, and three tables for `mount --all`: what the root must have, what
 * it gets if it has a place for it, devices, and the programs for the last steps. One call makes all mounts of a table, which is ten times faster than a call for each.
 * The root is moved over `/`, which hides the old one for good; programs of the root need not include mount or umount.
 */
export const pauseScript = `
set -e
read -r pid rest < /proc/self/stat
root=$1 needed=$2 wanted=$3 devices=$4 kit=$5
mount -n --rbind "$root" "$root"
cd "$root"
mount -n --all --fstab "$needed"
mount -n --all --fstab "$wanted" 2>/dev/null || :
[ -r ./proc/self/stat ] || mount -n --rbind /proc ./proc
${fillDev}
mkdir ./dev/.slipway
mount -n --all --fstab "$kit"
mount -n --move . /
echo "ready $pid"
while read -r line; do :; done
`;
