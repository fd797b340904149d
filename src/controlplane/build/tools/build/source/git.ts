/** Fetches a Git source: git's program where it is, else its implementation in JavaScript. */
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { withoutPassword } from '../../../../../api/shown-url.ts';
import type { GitSource } from '../../../../../api/kinds/build.ts';
import { fetchFailed, passwordNeeded } from '../failure.ts';
import { capture, run, type RunOptions } from '../run.ts';
import { gitAccess, remoteProtocols, type GitAccess } from './git-credentials.ts';
import type { GitFetch, GitRevision } from './git-fetch.ts';

export async function fetchGit(fetch: GitFetch): Promise<GitRevision> {
  const home = join(fetch.scratch, 'git-home');
  await mkdir(home, { recursive: true, mode: 0o700 });
  const login = await gitAccess(fetch.source.uri, fetch.secret, home, { ...process.env, ...proxiesOf(fetch.source) });
  const shown = withoutPassword(fetch.source.uri);
  fetch.say(`Cloning "${shown}" ...`);
  for (const warning of login.warnings) fetch.say(`warning: ${warning}`);
  try {
    const program = await run(['git', '--version'], { signal: fetch.signal }).then((result) => result.code === 0, () => false);
    fetch.signal.throwIfAborted();
    if (program) return await withProgram(fetch, login);
    const { cloneWithLibrary } = await import('./git-library.ts');
    return await cloneWithLibrary(fetch, login);
  } catch (error) {
    fetch.signal.throwIfAborted();
    throw explain(error as Error, fetch, login);
  }
}

async function withProgram({ source, commit, target, say, signal }: GitFetch, { env }: GitAccess): Promise<GitRevision> {
  const options: RunOptions = { env, signal };
  const git = (args: readonly string[], cwd?: string) => capture(['git', ...args], cwd === undefined ? options : { ...options, cwd });
  const wanted = commit ?? source.ref;
  if (wanted === undefined) {
    await git(['clone', '--quiet', '--depth=1', '--', source.uri, target]).catch((error: Error) => {
      // Plain file servers cannot cut history.
      if (/shallow/.test(error.message)) return git(['clone', '--quiet', '--', source.uri, target]);
      throw error;
    });
  } else {
    await git(['clone', '--quiet', '--no-checkout', '--', source.uri, target]);
    const commitish = await git(['rev-parse', '--quiet', '--verify', '--end-of-options', `refs/remotes/origin/${wanted}^{commit}`], target)
      .catch(() => git(['rev-parse', '--quiet', '--verify', '--end-of-options', `${wanted}^{commit}`], target))
      .catch(() => git(['fetch', '--quiet', 'origin', '--', wanted], target).then(() => 'FETCH_HEAD'))
      .catch(() => {
        throw fetchFailed(`"${wanted}" is no branch, tag or commit of ${withoutPassword(source.uri)}`);
      });
    await git(['checkout', '--quiet', '--detach', commitish.trim()], target);
  }
  if (await access(join(target, '.gitmodules')).then(() => true, () => false)) {
    // A repository from elsewhere must not bring in repositories of this machine.
    const local = /^(?:file:|\/)/i.test(source.uri);
    say('Fetching submodules ...');
    await capture(['git', 'submodule', 'update', '--quiet', '--init', '--recursive'], { ...options, cwd: target, env: local ? env : { ...env, GIT_ALLOW_PROTOCOL: remoteProtocols } });
  }
  const log = await git(['log', '-1', '--format=%H%x00%an%x00%ae%x00%ad%x00%<(80,trunc)%s'], target);
  const [hash = '', name = '', email = '', date = '', message = ''] = log.split('\0');
  say(`\tCommit:\t${hash} (${message.trim()})\n\tAuthor:\t${name} <${email}>\n\tDate:\t${date}`);
  return { commit: hash, message: message.trim(), author: { name, email }, date };
}

/** `http_proxy` and the like as the build config names them for this repository. */
function proxiesOf({ httpProxy, httpsProxy, noProxy }: GitSource): NodeJS.ProcessEnv {
  const both = (name: string, value: string | undefined): NodeJS.ProcessEnv => (value ? { [name]: value, [name.toUpperCase()]: value } : {});
  return { ...both('http_proxy', httpProxy), ...both('https_proxy', httpsProxy), ...both('no_proxy', noProxy) };
}

function explain(error: Error, { source }: GitFetch, { hasSecret }: GitAccess): Error {
  if (error.name === 'BuildFailure') return error;
  const shown = withoutPassword(source.uri);
  const text = error.message.replaceAll(source.uri, shown);
  if (/could not read (Username|Password)|Authentication failed|terminal prompts disabled|HTTP Basic: Access denied|\b401\b|\b403\b|Permission denied \(publickey|operation was canceled/i.test(text)) return passwordNeeded(shown, hasSecret);
  if (/Could not resolve host|ENOTFOUND|EAI_AGAIN|Name or service not known/i.test(text)) return fetchFailed(`the host of ${shown} has no address; check the URL and the network or proxy (${lastLine(text)})`);
  if (/Connection refused|Failed to connect|ECONNREFUSED|Connection timed out|ETIMEDOUT|Proxy CONNECT aborted|response 50\d|returned error: 50\d/i.test(text)) return fetchFailed(`${shown} cannot be reached (${lastLine(text)})`);
  if (/not found|does not exist|does not appear to be a git repository|\b404\b/i.test(text)) return fetchFailed(`there is no Git repository at ${shown} (or it is private and needs a source secret)`);
  if (/certificate|SSL/i.test(text)) return fetchFailed(`the certificate of ${shown} is not trusted; put the authority's certificate as "ca.crt" into the source secret (${lastLine(text)})`);
  if (/empty repository|does not have any commits|couldn't find remote ref HEAD|unknown revision/i.test(text)) return fetchFailed(`${shown} is empty: push a commit first`);
  return fetchFailed(`${shown}: ${lastLine(text)}`);
}

/** Git says what is wrong in the line that starts with "fatal"; what follows is advice for somebody at a terminal. */
function lastLine(text: string): string {
  const lines = text.trim().split('\n');
  return (lines.find((line) => line.startsWith('fatal: ')) ?? lines.at(-1) ?? '').replace(/^fatal: /, '');
}
