/** What runs in a container, from the output of `scan.sh`: pure. */

export interface Process {
  pid: number;
  exe: string;
  cwd: string;
  args: string[];
}

export interface Scan {
  processes: Process[];
  /** TCP ports that something listens on. */
  listening: number[];
}

const listens = '0A';

export function parseScan(output: string): Scan {
  const [records = '', sockets = ''] = output.split('\x1d');
  const processes = records.split('\x1e').slice(1).map((record): Process => {
    const [pid = '', exe = '', cwd = '', ...rest] = record.split('\x1f');
    return { pid: Number(pid), exe: exe.replace(/ \(deleted\)$/, ''), cwd, args: rest.join('\x1f').split('\0').filter((arg, index, all) => index < all.length - 1 || arg !== '') };
  });
  const ports = sockets.split('\n').map((line) => line.trim().split(/\s+/)).filter((fields) => fields[3] === listens).map((fields) => parseInt(fields[1]?.split(':')[1] ?? '', 16));
  return { processes: processes.filter(({ pid, args }) => pid > 0 && args.length > 0), listening: [...new Set(ports)] };
}
