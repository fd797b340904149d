/** Registries of npm and pip in small: enough for `npm ci` and `pip install` of one package. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

export interface PackageIndex {
  npm: string;
  pip: string;
  /** Paths asked for, in order. */
  requests: string[];
  close(): Promise<void>;
}

export interface PythonPackage {
  name: string;
  version: string;
  /** Modules by their path in the package. */
  files: Record<string, string>;
}

const inflection: PythonPackage = { name: 'inflection', version: '0.5.1', files: { 'inflection.py': "def humanize(word):\n    return word.replace('_', ' ').capitalize()\n" } };

/** `npmPackages`: folders as npm installs them. Python has `inflection`, with the one function the sample uses, and `pythonPackages`. */
export async function startPackageIndex(npmPackages: readonly string[], listen: { host?: string; socketPath?: string } = {}, pythonPackages: readonly PythonPackage[] = []): Promise<PackageIndex> {
  const npm = new Map<string, { version: string; manifest: Record<string, unknown>; tarball: Buffer }>();
  for (const folder of npmPackages) {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name: string; version: string };
    npm.set(manifest.name, { version: manifest.version, manifest, tarball: gzipSync(await tarOf(folder)) });
  }
  const wheels = new Map([inflection, ...pythonPackages].map((one) => [one.name, { file: `${one.name}-${one.version}-py3-none-any.whl`, bytes: wheelOf(one) }]));
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '').split('?')[0] ?? '');
    requests.push(path);
    const base = `http://${request.headers.host}`;
    const [, kind, name = '', file] = path.split('/');
    const found = npm.get(name);
    if (kind === 'npm' && found && file === undefined) {
      const dist = { tarball: `${base}/npm/${name}/${name}-${found.version}.tgz`, integrity: `sha512-${createHash('sha512').update(found.tarball).digest('base64')}` };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ name, 'dist-tags': { latest: found.version }, versions: { [found.version]: { ...found.manifest, dist } } }));
    } else if (kind === 'npm' && found) {
      response.end(found.tarball);
    } else if (kind === 'simple' && wheels.has(name)) {
      const wheel = wheels.get(name);
      response.setHeader('content-type', 'text/html');
      response.end(`<a href="${base}/wheels/${wheel?.file}#sha256=${createHash('sha256').update(wheel?.bytes ?? '').digest('hex')}">${name}</a>`);
    } else if (kind === 'wheels') {
      response.end([...wheels.values()].find(({ file: one }) => one === name)?.bytes);
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => (listen.socketPath ? server.listen(listen.socketPath, resolve) : server.listen(0, listen.host ?? '127.0.0.1', resolve)));
  const address = server.address() as AddressInfo | string;
  const base = typeof address === 'string' ? 'http://localhost' : `http://${address.address}:${address.port}`;
  return {
    npm: `${base}/npm/`,
    pip: `${base}/simple/`,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function tarOf(folder: string): Promise<Buffer> {
  const tar = pack();
  const visit = (path: string, name: string): void => {
    for (const leaf of readdirSync(path).sort()) {
      const at = join(path, leaf);
      if (statSync(at).isDirectory()) visit(at, `${name}/${leaf}`);
      else tar.entry({ name: `${name}/${leaf}` }, readFileSync(at));
    }
  };
  visit(folder, 'package');
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function wheelOf({ name, version, files: modules }: PythonPackage): Buffer {
  const info = `${name}-${version}.dist-info`;
  const files: Record<string, string> = {
    ...modules,
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
    [`${info}/WHEEL`]: 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
  };
  const hashed = (text: string) => `sha256=${createHash('sha256').update(text).digest('base64url')},${Buffer.byteLength(text)}`;
  files[`${info}/RECORD`] = `${Object.entries(files).map(([name, text]) => `${name},${hashed(text)}`).join('\n')}\n${info}/RECORD,,\n`;
  return zipOf(files);
}

/** A zip of stored entries. */
export function zipOf(files: Record<string, string>): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const content = Buffer.from(text);
    const title = Buffer.from(name);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt32LE(crc32(content), 10);
    fields.writeUInt32LE(content.length, 14);
    fields.writeUInt32LE(content.length, 18);
    fields.writeUInt16LE(title.length, 22);
    locals.push(Buffer.concat([Buffer.from('PK\x03\x04'), fields, title, content]));
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((0o100644 << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 3]), fields, tail, title]));
    offset += locals.at(-1)?.length ?? 0;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(directory.length, 4);
  end.writeUInt16LE(directory.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, central, Buffer.from('PK\x05\x06'), end]);
}

function crc32(bytes: Buffer): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ -1) >>> 0;
}
