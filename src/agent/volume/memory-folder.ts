/** Where volumes in memory lie if nothing can be mounted: the system's own folder in memory. */
import { createHash } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

const sharedMemory = '/dev/shm';

export function sharedMemoryUsable(): boolean {
  try {
    accessSync(sharedMemory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Of one pod; several platforms of one machine keep apart. */
export function memoryFolder(agentFolder: string, uid: string): string {
  return path.join(sharedMemory, `slipway-${createHash('sha256').update(agentFolder).digest('hex').slice(0, 12)}`, uid);
}
