/** The source secret of a build, turned into git's own settings (keys as in OpenShift's scmauth). Values never appear on a command line. */
import { chmod, copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface GitAccess {
  env: NodeJS.ProcessEnv;
  /** For the implementation without git's program; for the source's own host alone. */
  username?: string;
  password?: string;
  hasSecret: boolean;
  /** For people: what is done less safely than it could be. */
  warnings: string[];
}

export const remoteProtocols = 'git:http:https:ssh';

const noHostCheck = '-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null';
/** Answers git's credential protocol (gitcredentials(7)); the values come by the environment. */
const credentialHelper = '!f() { test "$1" = get || exit 0; printf \'username=%s\\npassword=%s\\n\' "$SLIPWAY_GIT_USERNAME" "$SLIPWAY_GIT_PASSWORD"; }; f';

/** `secret`: folder with one file a key. `home`: a private folder, git's HOME. `uri`: of the source; passwords are for its host alone, whatever submodules name. */
export async function gitAccess(uri: string, secret: string | undefined, home: string, inherited: NodeJS.ProcessEnv): Promise<GitAccess> {
  const env: NodeJS.ProcessEnv = {
    ...inherited,
    HOME: home,
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    SSH_ASKPASS: '/bin/false',
    GIT_ALLOW_PROTOCOL: `file:${remoteProtocols}`,
    GIT_SSH_COMMAND: `ssh -o BatchMode=yes ${noHostCheck}`,
    LC_ALL: 'C',
  };
  const isSsh = /^ssh:|^[^/:]+@[^/:]+:/i.test(uri);
  const unchecked = `the host key of ${hostOf(uri) ?? 'the repository'} is not checked: add "known_hosts" to the source secret (ssh-keyscan)`;
  const config: [string, string][] = [['safe.directory', '*'], ['advice.detachedHead', 'false'], ['init.defaultBranch', 'main']];
  if (secret === undefined) {
    await writeConfig(home, config);
    return { env, hasSecret: false, warnings: isSsh ? [unchecked] : [] };
  }
  const read = async (key: string) => (await readFile(join(secret, key), 'utf8').catch(() => undefined))?.replace(/\r?\n$/, '');
  const [username, password, token, authority, gitconfig, key, knownHosts] = await Promise.all(['username', 'password', 'token', 'ca.crt', '.gitconfig', 'ssh-privatekey', 'known_hosts'].map(read));
  const word = password ?? token;
  const access: GitAccess = { env, hasSecret: true, warnings: isSsh && knownHosts === undefined ? [unchecked] : [], ...(username !== undefined && { username }), ...(word !== undefined && { password: word }) };
  const origin = httpOrigin(uri);
  if (word !== undefined && origin !== undefined) {
    // An empty helper first: those of .gitconfig and of the machine would see the password.
    config.push([`credential.${origin}.helper`, ''], [`credential.${origin}.helper`, credentialHelper]);
    Object.assign(env, { SLIPWAY_GIT_USERNAME: username ?? (new URL(uri).username || 'builder'), SLIPWAY_GIT_PASSWORD: word });
  }
  // A variable of the machine would go before a setting.
  if (authority !== undefined) env.GIT_SSL_CAINFO = join(secret, 'ca.crt');
  if (gitconfig !== undefined) config.push(['include.path', join(secret, '.gitconfig')]);
  if (key !== undefined || knownHosts !== undefined) {
    const hosts = knownHosts === undefined ? noHostCheck : `-o StrictHostKeyChecking=yes -o UserKnownHostsFile='${join(secret, 'known_hosts')}'`;
    env.GIT_SSH_COMMAND = `ssh -o BatchMode=yes ${key === undefined ? '' : `-o IdentitiesOnly=yes -i '${await privateKey(secret, home)}' `}${hosts}`;
  }
  await writeConfig(home, config);
  return access;
}

/** ssh refuses keys that others could read. */
async function privateKey(secret: string, home: string): Promise<string> {
  const file = join(home, 'ssh-privatekey');
  await copyFile(join(secret, 'ssh-privatekey'), file);
  await chmod(file, 0o600);
  return file;
}

/** `https://host:port` without user and path; undefined for what is not http(s). */
function httpOrigin(uri: string): string | undefined {
  return /^https?:/i.test(uri) && URL.canParse(uri) ? new URL(uri).origin : undefined;
}

function hostOf(uri: string): string | undefined {
  return /^(?:\w+:\/\/)?(?:[^@/]*@)?([^/:]+)/.exec(uri)?.[1];
}

/** In a file: git does not hand settings of its environment on to the programs it starts for local repositories. A section of three parts has a name with dots. */
async function writeConfig(home: string, config: readonly [string, string][]): Promise<void> {
  const quoted = (text: string) => text.replace(/["\\]/g, '\\$&');
  const lines = config.map(([key, value]) => {
    const [first, last] = [key.indexOf('.'), key.lastIndexOf('.')];
    const section = first === last ? `[${key.slice(0, first)}]` : `[${key.slice(0, first)} "${quoted(key.slice(first + 1, last))}"]`;
    return `${section}\n\t${key.slice(last + 1)} = "${quoted(value)}"\n`;
  });
  await writeFile(join(home, '.gitconfig'), lines.join(''), { mode: 0o600 });
}
