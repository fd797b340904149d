/** Where the control plane writes what it does: one file, and one each for the parts that are shown as pods. */
import path from 'node:path';
import { Scope, type Disposable } from '../base/disposable.ts';
import { jsonLog, type Log } from '../base/log.ts';
import { openLogFile } from './kernel/boot/log-file.ts';

export interface Logs extends Disposable {
  readonly log: Log;
  /** The log of a module. */
  of(module: string): Log;
  /** File of a part that has one of its own. */
  file(part: Part): string;
}

const parts = { image: 'registry', route: 'router' } as const;
export type Part = (typeof parts)[keyof typeof parts];

export function openLogs(folder: string): Logs {
  const scope = new Scope();
  const open = (name: string) => scope.own(openLogFile(path.join(folder, `${name}.log`)));
  const log = jsonLog(open('control-plane').write, 'info', 'control-plane');
  const own: Record<string, Log> = Object.fromEntries(Object.entries(parts).map(([module, part]) => [module, jsonLog(open(part).write, 'info', part)]));
  return {
    log,
    of: (module) => own[module] ?? log.child(module),
    file: (part) => path.join(folder, `${part}.log`),
    dispose: () => scope.dispose(),
  };
}
