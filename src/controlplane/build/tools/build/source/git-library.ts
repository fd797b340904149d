/** Git without its program: clones over HTTP(S) through the proxy of the environment. Submodules need the program. */
import * as fs from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import git, { type AuthCallback, type GitHttpRequest, type GitHttpResponse, type HttpClient } from 'isomorphic-git';
import { EnvHttpProxyAgent, request } from 'undici';
import { withoutPassword } from '../../../../../api/shown-url.ts';
import { fetchFailed } from '../failure.ts';
import type { GitFetch, GitRevision } from './git-fetch.ts';
import type { GitAccess } from './git-credentials.ts';

export async function cloneWithLibrary({ source, commit, target, say, signal }: GitFetch, login: GitAccess): Promise<GitRevision> {
  if (!/^https?:/i.test(source.uri)) throw fetchFailed('only http and https repositories can be fetched without the git program; install git');
  const http = httpThroughProxy(signal);
  const { username, password } = login;
  const onAuth: AuthCallback = () => (password === undefined ? { cancel: true } : { username: username ?? 'builder', password });
  const onAuthFailure: AuthCallback = () => ({ cancel: true });
  const wanted = commit ?? source.ref;
  const common = { fs, http, dir: target, onAuth, onAuthFailure };
  await git.clone({ ...common, url: source.uri, ...(wanted === undefined ? { depth: 1, singleBranch: true } : { noCheckout: true }) });
  if (wanted !== undefined) {
    const oid = await resolveRef(target, wanted);
    if (oid === undefined) throw fetchFailed(`"${wanted}" is no branch, tag or commit of ${withoutPassword(source.uri)}`);
    await git.checkout({ fs, dir: target, ref: oid });
  }
  if (await access(join(target, '.gitmodules')).then(() => true, () => false)) throw fetchFailed('the repository has submodules, which need the git program; install git');
  const [head] = await git.log({ fs, dir: target, depth: 1, ref: wanted === undefined ? 'HEAD' : ((await resolveRef(target, wanted)) ?? 'HEAD') });
  if (!head) throw fetchFailed(`${withoutPassword(source.uri)} is empty: push a commit first`);
  const { author, message } = head.commit;
  const subject = (message.split('\n')[0] ?? '').slice(0, 80);
  const date = new Date(author.timestamp * 1000).toUTCString();
  say(`\tCommit:\t${head.oid} (${subject})\n\tAuthor:\t${author.name} <${author.email}>\n\tDate:\t${date}`);
  return { commit: head.oid, message: subject, author: { name: author.name, email: author.email }, date };
}

async function resolveRef(dir: string, wanted: string): Promise<string | undefined> {
  for (const ref of [`refs/remotes/origin/${wanted}`, `refs/tags/${wanted}`]) {
    const oid = await git.resolveRef({ fs, dir, ref }).catch(() => undefined);
    if (oid !== undefined) return oid;
  }
  return git.expandOid({ fs, dir, oid: wanted }).catch(() => undefined);
}

function httpThroughProxy(signal: AbortSignal): HttpClient {
  const dispatcher = new EnvHttpProxyAgent();
  return {
    async request({ url, method = 'GET', headers = {}, body }: GitHttpRequest): Promise<GitHttpResponse> {
      const chunks: Uint8Array[] = [];
      if (body) for await (const chunk of body) chunks.push(chunk);
      const response = await request(url, { method: method as 'GET', headers, dispatcher, signal, ...(chunks.length > 0 && { body: Buffer.concat(chunks) }) });
      return {
        url,
        method,
        headers: Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)])),
        body: response.body[Symbol.asyncIterator]() as AsyncIterableIterator<Uint8Array>,
        statusCode: response.statusCode,
        statusMessage: String(response.statusCode),
      };
    },
  };
}
