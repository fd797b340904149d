/** Puts files into a container that runs. */
import type { Connection } from '../../client/connection.ts';
import { archiveSource } from '../../client/apps/source-archive.ts';
import type { Changes, Tree } from './change-plan.ts';
import { syncCodes, syncCommand, type SyncTarget } from './sync-plan.ts';

export type SyncProblem = keyof typeof syncCodes | 'Failed';

/** Why files did not reach a container. */
export class SyncFailure extends Error {
  readonly problem: SyncProblem;
  constructor(problem: SyncProblem, message: string) {
    super(message);
    this.name = 'SyncFailure';
    this.problem = problem;
  }
}

/** What is kept of what a container says. */
const longestAnswer = 2_000;

/** Rejects with `SyncFailure`. `live`: what runs there reads its files anew by itself. */
export async function syncFiles(connection: Connection, { pod, container }: SyncTarget, folder: string, { changed, removed }: Changes, tree: Tree, live: boolean, signal: AbortSignal): Promise<void> {
  const entries = changed.map((path) => ({ path, size: tree.get(path)?.size ?? 0, mode: tree.get(path)?.mode ?? 0o644, ...(tree.get(path)?.link !== undefined && { link: tree.get(path)?.link ?? '' }) }));
  const archive = entries.length > 0 ? await whole(archiveSource(folder, entries)) : Buffer.alloc(0);
  const session = await connection.exec({ namespace: pod.metadata.namespace ?? '', pod: pod.metadata.name, container, command: syncCommand(archive.length, removed, live), stdin: true });
  const stop = () => session.close();
  signal.addEventListener('abort', stop, { once: true });
  let said = '';
  session.stdout.resume();
  session.stderr.on('data', (bytes: Buffer) => (said = (said + bytes.toString()).slice(-longestAnswer)));
  try {
    session.stdin?.end(archive);
    const { code } = await session.exit;
    if (code === 0) return;
    const problem = (Object.entries(syncCodes) as [keyof typeof syncCodes, number][]).find(([, one]) => one === code)?.[0] ?? 'Failed';
    throw new SyncFailure(problem, said.trim() || `exit code ${code}`);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function whole(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}
