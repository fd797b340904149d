/**
 * The user's kubeconfig (kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig): files merged, first one wins;
 * a broken entry is told where it is used and leaves the others alone.
 */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { parse, stringify } from 'yaml';

export interface ClusterEntry {
  server: string;
  /** PEM. */
  ca?: string;
  caFile?: string;
  insecureSkipVerify: boolean;
  serverName?: string;
  proxyUrl?: string;
  compression: boolean;
}

export interface ExecPlugin {
  command: string;
  args: string[];
  env: Record<string, string>;
  apiVersion: string;
  installHint?: string;
  provideClusterInfo: boolean;
  /** Where a command with a relative path is looked up. */
  directory: string;
}

export interface UserEntry {
  token?: string;
  tokenFile?: string;
  certificate?: string;
  certificateFile?: string;
  key?: string;
  keyFile?: string;
  basic?: { username: string; password: string };
  exec?: ExecPlugin;
  impersonate?: { user: string; groups: string[]; uid?: string };
}

export interface KubeconfigContext {
  name: string;
  /** Name of the cluster's entry. */
  clusterName: string;
  userName: string;
  namespace?: string;
  cluster: ClusterEntry;
  user: UserEntry;
  /** Why it cannot be used; `connect` rejects with this text. */
  problem?: string;
}

export interface Kubeconfig {
  /** Files that were read. */
  files: string[];
  currentContext?: string;
  contexts: KubeconfigContext[];
  /** Files that could not be used, each with its reason. */
  problems: string[];
}

/** `KUBECONFIG` (several files), else `~/.kube/config`. */
export function defaultKubeconfigFiles(environment: NodeJS.ProcessEnv = process.env): string[] {
  const named = (environment['KUBECONFIG'] ?? '').split(path.delimiter).filter((file) => file !== '');
  return named.length > 0 ? [...new Set(named)] : [path.join(homedir(), '.kube', 'config')];
}

/** Files that do not exist count as empty, as kubectl does. Never rejects: what is wrong is in `problems` and in the contexts. */
export async function loadKubeconfig(files: readonly string[] = defaultKubeconfigFiles()): Promise<Kubeconfig> {
  const result: Kubeconfig = { files: [], contexts: [], problems: [] };
  const clusters = new Map<string, Found>();
  const users = new Map<string, Found>();
  const contexts = new Map<string, Found>();
  for (const file of files) {
    const document = await read(file, result.problems);
    if (!document) continue;
    result.files.push(file);
    const directory = path.dirname(path.resolve(file));
    if (!result.currentContext && text(document['current-context'])) result.currentContext = text(document['current-context']) as string;
    collect(document['clusters'], 'cluster', directory, clusters);
    collect(document['users'], 'user', directory, users);
    collect(document['contexts'], 'context', directory, contexts);
  }
  for (const [name, { body }] of contexts) result.contexts.push(contextOf(name, body, clusters, users));
  return result;
}

type Body = Record<string, unknown>;
interface Found {
  body: Body;
  directory: string;
}

async function read(file: string, problems: string[]): Promise<Body | undefined> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') problems.push(`${file} cannot be read: ${(error as Error).message}`);
    return undefined;
  }
  try {
    const document: unknown = parse(content);
    if (document === null || document === undefined) return {};
    if (typeof document === 'object' && !Array.isArray(document)) return document as Body;
    problems.push(`${file} is not a kubeconfig: it holds no mapping`);
  } catch (error) {
    problems.push(`${file} is not valid YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  return undefined;
}

function collect(list: unknown, part: string, directory: string, into: Map<string, Found>): void {
  for (const entry of Array.isArray(list) ? (list as (Body | null)[]) : []) {
    const name = text(entry?.['name']);
    if (name !== undefined && !into.has(name)) into.set(name, { body: mapping(entry?.[part]), directory });
  }
}

function contextOf(name: string, body: Body, clusters: ReadonlyMap<string, Found>, users: ReadonlyMap<string, Found>): KubeconfigContext {
  const clusterName = text(body['cluster']) ?? '';
  const userName = text(body['user']) ?? '';
  const namespace = text(body['namespace']);
  const problems: string[] = [];
  const attempt = <T>(otherwise: T, make: () => T): T => {
    try {
      return make();
    } catch (error) {
      problems.push((error as Error).message);
      return otherwise;
    }
  };
  const cluster = attempt<ClusterEntry>({ server: '', insecureSkipVerify: false, compression: true }, () => clusterOf(clusterName, clusters.get(clusterName)));
  const user = attempt<UserEntry>({}, () => userOf(userName, users.get(userName)));
  return {
    name, clusterName, userName, cluster, user,
    ...(namespace && { namespace }),
    ...(problems.length > 0 && { problem: `The context "${name}" of the kubeconfig cannot be used: ${problems.join('; ')}.` }),
  };
}

function clusterOf(name: string, found: Found | undefined): ClusterEntry {
  if (!found) throw new Error(name ? `there is no cluster "${name}"` : 'it names no cluster');
  const { body, directory } = found;
  const server = text(body['server']);
  if (!server || !URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) throw new Error(`the server "${server ?? ''}" of cluster "${name}" is no http or https address`);
  return {
    server,
    ...data('certificate-authority', body, directory, 'ca', 'caFile'),
    insecureSkipVerify: body['insecure-skip-tls-verify'] === true,
    ...optional('serverName', body['tls-server-name']),
    ...optional('proxyUrl', body['proxy-url']),
    compression: body['disable-compression'] !== true,
  };
}

function userOf(name: string, found: Found | undefined): UserEntry {
  if (!name) return {};
  if (!found) throw new Error(`there is no user "${name}"`);
  const { body, directory } = found;
  if (body['auth-provider'] && !body['exec'] && !body['token']) throw new Error(`user "${name}" signs in by "auth-provider", which Kubernetes has removed: sign in again with its own tool`);
  const username = text(body['username']);
  const asUser = text(body['as']);
  const tokenFile = text(body['tokenFile']);
  return {
    ...optional('token', body['token']),
    ...(tokenFile && { tokenFile: path.resolve(directory, tokenFile) }),
    ...data('client-certificate', body, directory, 'certificate', 'certificateFile'),
    ...data('client-key', body, directory, 'key', 'keyFile'),
    ...(username !== undefined && { basic: { username, password: text(body['password']) ?? '' } }),
    ...(body['exec'] ? { exec: execOf(name, mapping(body['exec']), directory) } : {}),
    ...(asUser && { impersonate: { user: asUser, groups: texts(body['as-groups']), ...optional('uid', body['as-uid']) } }),
  };
}

function execOf(user: string, body: Body, directory: string): ExecPlugin {
  const command = text(body['command']);
  if (!command) throw new Error(`the sign-in program of user "${user}" has no command`);
  const pairs = (Array.isArray(body['env']) ? (body['env'] as Body[]) : []).map((one) => [text(one['name']) ?? '', text(one['value']) ?? '']);
  return {
    command,
    args: texts(body['args']),
    env: Object.fromEntries(pairs) as Record<string, string>,
    apiVersion: text(body['apiVersion']) ?? 'client.authentication.k8s.io/v1',
    ...optional('installHint', body['installHint']),
    provideClusterInfo: body['provideClusterInfo'] === true,
    directory,
  };
}

/** `<name>-data` (base64) wins over the file. */
function data<K extends string, F extends string>(name: string, body: Body, directory: string, key: K, fileKey: F): { [P in K | F]?: string } {
  const inline = text(body[`${name}-data`]);
  if (inline) return { [key]: Buffer.from(inline, 'base64').toString() } as { [P in K | F]?: string };
  const file = text(body[name]);
  return (file ? { [fileKey]: path.resolve(directory, file) } : {}) as { [P in K | F]?: string };
}

function optional<K extends string>(key: K, value: unknown): { [P in K]?: string } {
  const found = text(value);
  return (found ? { [key]: found } : {}) as { [P in K]?: string };
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined);
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map((one) => text(one) ?? '') : []);
const mapping = (value: unknown): Body => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Body) : {});

export interface KubeconfigEntry {
  /** Name of context, cluster and user. */
  name: string;
  server: string;
  /** PEM. */
  ca: string;
  certificate?: string;
  key?: string;
  token?: string;
  namespace?: string;
  serverName?: string;
}

/** Writes a kubeconfig of its own, readable by the user alone; whoever reads it meanwhile sees the old one or the new one. */
export async function writeKubeconfig(file: string, entry: KubeconfigEntry): Promise<void> {
  const { name, server, ca, certificate, key, token, namespace, serverName } = entry;
  const encode = (pem: string) => Buffer.from(pem).toString('base64');
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': encode(ca), ...(serverName && { 'tls-server-name': serverName }) } }],
    users: [{ name, user: { ...(certificate && { 'client-certificate-data': encode(certificate) }), ...(key && { 'client-key-data': encode(key) }), ...(token && { token }) } }],
    contexts: [{ name, context: { cluster: name, user: name, ...(namespace && { namespace }) } }],
    'current-context': name,
  };
  const making = `${file}.${process.pid}.new`;
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await rm(making, { force: true });
  const handle = await open(making, 'wx', 0o600);
  try {
    await handle.writeFile(stringify(document, { lineWidth: 0 }));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(making, file);
}
