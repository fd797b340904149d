/** Which Node.js runs the control plane: the one running now, one found on the machine, else the editor's own. */
import { compareVersions, detectNodeRuntimes, oldestNode } from '../../detect/node-runtime.ts';

export interface NodeRuntime {
  binary: string;
  version: string;
  /** The editor's Electron, which needs ELECTRON_RUN_AS_NODE. */
  electron: boolean;
}

/** `undefined` if nothing on this machine is new enough. */
export async function findNodeRuntime(): Promise<NodeRuntime | undefined> {
  const electron = process.versions.electron !== undefined;
  const here: NodeRuntime | undefined = compareVersions(process.versions.node, oldestNode) >= 0 ? { binary: process.execPath, version: process.versions.node, electron } : undefined;
  if (here && !electron) return here;
  const found = (await detectNodeRuntimes()).find((one) => one.suitable);
  return found ? { binary: found.program, version: found.version, electron: false } : here;
}
