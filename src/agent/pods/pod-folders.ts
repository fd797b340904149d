/** Where the agent keeps what belongs to a pod. */
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
