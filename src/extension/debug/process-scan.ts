/** What runs in a container, from the output of `scan.sh`: pure. */

export interface Process {
  pid: number;
  exe: string;
  cwd: string;
  args: string[];
  /** TCP ports that it listens on itself; `undefined` if that is not told. */
  ports?: number[];
}

export interface Scan {
  processes: Process[];
  /** TCP ports that something listens on. */
  listening: number[];
}

const listens = '0A';

export function parseScan(output: string): Scan {
  const [records = '', sockets = ''] = output.split('\x1d');
  const listeners = sockets.split('\n').map((line) => line.trim().split(/\s+/)).filter((fields) => fields[3] === listens).map((fields) => ({ port: parseInt(fields[1]?.split(':')[1] ?? '', 16), inode: fields[9] }));
  const processes = records.split('\x1e').slice(1).map((record): Process => {
    const [pid = '', exe = '', cwd = '', files = '', ...rest] = record.split('\x1f');
    const inodes = new Set([...files.matchAll(/socket:\[(\d+)\]/g)].map((found) => found[1]));
    const ports = [...new Set(listeners.filter(({ inode }) => inodes.has(inode)).map(({ port }) => port))];
    return { pid: Number(pid), exe: exe.replace(/ \(deleted\)$/, ''), cwd, ...(files && { ports }), args: rest.join('\x1f').split('\0').filter((arg, index, all) => index < all.length - 1 || arg !== '') };
  });
  return { processes: processes.filter(({ pid, args }) => pid > 0 && args.length > 0), listening: [...new Set(listeners.map(({ port }) => port))] };
}
