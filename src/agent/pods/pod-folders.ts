/** Where the agent keeps what belongs to a pod. */
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';

export interface PodFolders {
  root: string;
  volumes: string;
  logs(container: string): string;
  /** What an instance was made from; see `ContainerRecord`. */
  record(container: string, attempt: number): string;
  terminationMessage(container: string, attempt: number): string;
}

export function podFolders(agentFolder: string, uid: string): PodFolders {
  const root = path.join(agentFolder, 'pods', uid);
  return {
    root,
    volumes: path.join(root, 'volumes'),
    logs: (container) => path.join(root, 'log', container),
    record: (container, attempt) => path.join(root, 'containers', container, `${attempt}.json`),
    terminationMessage: (container, attempt) => path.join(root, 'containers', container, `${attempt}.termination`),
  };
}

/** Removes what one run of a container left: its log with what was rotated away, its last words, what it was made from. */
export async function removeRun(folders: PodFolders, container: string, attempt: number): Promise<void> {
  const logs = folders.logs(container);
  const own = (await readdir(logs).catch(() => [])).filter((name) => name === `${attempt}.log` || name.startsWith(`${attempt}.log.`));
  for (const file of [...own.map((name) => path.join(logs, name)), folders.record(container, attempt), folders.terminationMessage(container, attempt)]) await rm(file, { force: true });
}
