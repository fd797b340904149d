/** What a debugger is told: pure. */
import type { Debuggee } from './debuggee.ts';

export interface DebugConfiguration {
  type: string;
  request: 'attach';
  name: string;
  [key: string]: unknown;
}

export interface Attachment {
  debuggee: Debuggee;
  pod: string;
  localPort: number;
  /** Where its sources lie here, and there. */
  folder: string | undefined;
  remoteRoot: string;
}

const host = '127.0.0.1';

export function debugConfiguration({ debuggee, pod, localPort, folder, remoteRoot }: Attachment): DebugConfiguration {
  const { language, script } = debuggee;
  const name = `${script} (${pod})`;
  if (language === 'python') return { type: 'debugpy', request: 'attach', name, connect: { host, port: localPort }, justMyCode: true, ...(folder && { pathMappings: [{ localRoot: folder, remoteRoot }] }) };
  return {
    type: 'node', request: 'attach', name, address: host, port: localPort, ...(folder && { localRoot: folder, remoteRoot }),
    skipFiles: ['<node_internals>/**'], sourceMaps: true,
    // The debugger would put a script of this machine into NODE_OPTIONS of what the program starts.
    autoAttachChildProcesses: false,
  };
}
